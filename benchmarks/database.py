"""gVCF to genome shard against `bcftools view -Ou` of the same file, both on one core.

Each gVCF is repeated along its contig until it has a million records: the toy proband's (as the
bcftools engine writes it), and the real GATK gVCF of `../shared/data` as it is, in DeepVariant's
shape and in freebayes', where it is at hand.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

import stages
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.ngd.shard_writer import write_shard

RECORDS = 1_000_000
REAL = Path(__file__).resolve().parents[2] / "shared/data/gvcf-na12878-chr20"
END = re.compile(r"(^|;|\t)END=([0-9]+)")
_NEW_TAGS = (
    '##FILTER=<ID=RefCall,Description="">',
    '##INFO=<ID=MIN_DP,Number=1,Type=Integer,Description="">',
    '##FORMAT=<ID=VAF,Number=.,Type=Float,Description="">',
    *(f'##FORMAT=<ID={key},Number=1,Type=Integer,Description="">' for key in ("QR", "RO", "QA")),
)
Fields = list[str]


def as_is(fields: Fields) -> Fields:
    """A record in the shape in which its caller wrote it."""
    return fields


def as_deepvariant(fields: Fields) -> Fields:
    """A record of GATK in DeepVariant's shape."""
    values = _sample(fields)
    alt = fields[4].replace("<NON_REF>", "<*>")
    if fields[7].startswith("END="):
        wanted: tuple[str, ...] = ("GT", "GQ", "MIN_DP", "PL")
        return [*fields[:4], alt, "0", ".", fields[7], ":".join(wanted), _joined(values, wanted)]
    values["VAF"] = ",".join(["0.481481"] * len(alt.split(",")))
    wanted = ("GT", "GQ", "DP", "AD", "VAF", "PL")
    passed = "RefCall" if values["GT"] == "0/0" else "PASS"
    return [*fields[:4], alt, "35.2", passed, ".", ":".join(wanted), _joined(values, wanted)]


def as_freebayes(fields: Fields) -> Fields:
    """A record of GATK in the shape of freebayes --gvcf."""
    values = _sample(fields) | {"QR": "1200", "RO": "33", "QA": "0"}
    alt = fields[4].replace(",<NON_REF>", "").replace("<NON_REF>", "<*>")
    if fields[7].startswith("END="):
        info = f"DP={values['DP']};{fields[7]};MIN_DP={values['MIN_DP']}"
        wanted: tuple[str, ...] = ("GQ", "DP", "MIN_DP", "QR", "RO", "QA")
        return [*fields[:4], alt, "0", ".", info, ":".join(wanted), _joined(values, wanted)]
    values["AD"] = ",".join(values.get("AD", ".").split(",")[: len(alt.split(",")) + 1])
    wanted = ("GT", "GQ", "DP", "AD", "RO", "QR", "QA")
    return [*fields[:4], alt, *fields[5:8], ":".join(wanted), _joined(values, wanted)]


def _sample(fields: Fields) -> dict[str, str]:
    return dict(zip(fields[8].split(":"), fields[9].split(":"), strict=False))


def _joined(values: dict[str, str], wanted: tuple[str, ...]) -> str:
    return ":".join(values.get(key, ".") for key in wanted)


def tile(gvcf: Path, output: Path, shape: Callable[[Fields], Fields]) -> int:
    """Repeat the records of a gVCF along one long contig ``1``.

    Returns:
        How many records were written; the contig's index is written beside, as ``.fai``.
    """
    header, lines = gvcf_text(gvcf)
    records = list(along_one_contig(iter(lines)))
    size = max(max(end or 0, start + len(fields[3])) for start, end, fields in records)
    copies = -(-RECORDS // len(records))
    contig = f"##contig=<ID=1,length={size * copies}>"
    shaped = [(start, end, shape(fields)) for start, end, fields in records]
    with output.open("wb") as file:
        packing = subprocess.Popen(["bgzip", "-c"], stdin=subprocess.PIPE, stdout=file)
        assert packing.stdin is not None
        with packing.stdin as out:
            out.write(("\n".join([*header[:-1], *_NEW_TAGS, contig, header[-1]]) + "\n").encode())
            for copy in range(copies):
                out.write(b"".join(_moved(*record, copy * size) for record in shaped))
        assert packing.wait() == 0
    Path(f"{output}.fai").write_text(f"1\t{size * copies}\t0\t60\t61\n")
    return copies * len(records)


def gvcf_text(gvcf: Path) -> tuple[list[str], list[str]]:
    """Lines of the header of a gVCF, without its contigs, and its records."""
    text = subprocess.run(["bgzip", "-dc", str(gvcf)], capture_output=True, check=True).stdout
    lines = text.decode().splitlines()
    header = [line for line in lines if line.startswith("#") and not line.startswith("##contig")]
    return header, [line for line in lines if not line.startswith("#")]


def along_one_contig(lines: Iterator[str]) -> Iterator[tuple[int, int | None, Fields]]:
    """POS, END and fields of records, those of each contig after those of the one before."""
    offset, last, name = 0, 0, None
    for line in lines:
        fields = line.split("\t")
        if fields[0] != name:
            name, offset = fields[0], last
        stated = END.search(fields[7])
        start = int(fields[1]) + offset
        end = int(stated[2]) + offset if stated else None
        last = max(last, end or start + len(fields[3]))
        yield start, end, fields


def _moved(start: int, end: int | None, fields: Fields, by: int) -> bytes:
    info = fields[7] if end is None else END.sub(rf"\g<1>END={end + by}", fields[7])
    return ("\t".join(["1", str(start + by), *fields[2:7], info, *fields[8:]]) + "\n").encode()


def shard(root: Path, gvcf: Path, sample: str) -> dict[str, Any]:
    """Write a shard twice in this process, and measure the second time.

    What the first one takes more is the start of the libraries, above all of numba, once for a
    genome of whatever size; ``start_cpu`` has it.
    """
    pa.array([0])  # Arrow looks for pandas once
    database = Root.open(root)
    cpu = []
    for _ in range(2):
        started, before = time.perf_counter(), time.process_time()
        write_shard(database, gvcf, sample, Analysis("XX"))
        cpu.append(time.process_time() - before)
    return {
        "wall": time.perf_counter() - started,
        "cpu": cpu[1],
        "start_cpu": cpu[0] - cpu[1],
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """Most memory of this process so far; that of the process that started it does not count."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+([0-9]+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _on_one_core(command: list[str]) -> tuple[float, float, bytes]:
    """Wall and processor seconds of a command, and what it prints."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(["taskset", "-c", "0", *command], stdout=subprocess.PIPE, check=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout


def empty_database(folder: Path, fai: Path) -> Path:
    """A database in a new folder, with the contigs of an index; ``someone`` may be loaded."""
    folder.mkdir()
    consents = folder / "consents.tsv"
    columns = ["patient_id", "scope", "decision", "effective_from", "recorded_at", "source"]
    event = ["someone", "analysis", "given", *["2024-01-01T00:00:00+01:00"] * 2, "form"]
    consents.write_text("\t".join(columns) + "\n" + "\t".join(event) + "\n")
    initialise(folder / "ngd", Wanted(folder / "vault", consents, fai))
    return folder / "ngd"


def compare(name: str, gvcf: Path, records: int, sample: str, repeats: int) -> dict[str, Any]:
    """Write the shard and view the gVCF by turns; the least of each is kept."""
    root = empty_database(gvcf.parent / f"{gvcf.name}.database", Path(f"{gvcf}.fai"))
    call = [sys.executable, __file__, str(root), str(gvcf), sample]
    view = ["bcftools", "view", "-Ou", "-o", os.devnull, str(gvcf)]
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(json.loads(_on_one_core(call)[2]))
        theirs.append(_on_one_core(view)[:2])
    row = {"name": f"gVCF to shard, {name}", "records": records, **ours[-1]}
    for at, unit in enumerate(("wall", "cpu")):
        row[unit] = min(each[unit] for each in ours)
        row[f"bcftools_{unit}"] = min(each[at] for each in theirs)
    return row


def run(project: Path, repeats: int, output: Path) -> None:
    """Measure the load path on one core, and print records a second."""
    toy = project / "results/gvcf" / f"{stages.SAMPLE}.g.vcf.gz"
    cases = {"bcftools": (toy, as_is)}
    for real in REAL.glob("*.g.vcf.gz"):
        cases |= {
            "GATK": (real, as_is),
            "DeepVariant's shape": (real, as_deepvariant),
            "freebayes' shape": (real, as_freebayes),
        }
    print("gVCF to shard, millions of records a second, wall (processor); bcftools view -Ou")
    for number, (name, (gvcf, shape)) in enumerate(cases.items()):
        tiled = project.parent / f"tiled-{number}.g.vcf.gz"
        records = tile(gvcf, tiled, shape)
        sample = stages.SAMPLE if gvcf == toy else "NA12878"
        row = compare(name, tiled, records, sample, repeats)
        rates = {key: records / row[key] / 1e6 for key in row if key.endswith(("wall", "cpu"))}
        print(
            f"{name:<22}{rates['wall']:>6.2f} ({rates['cpu']:.2f})"
            f"{rates['bcftools_wall']:>6.2f} ({rates['bcftools_cpu']:.2f})"
            f"{row['cpu'] / row['bcftools_cpu']:>7.2f}"
            f"   {row['peak_mb']:.0f} MB, {row['start_cpu']:.1f} s once",
            flush=True,
        )
        with output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        tiled.unlink()


if __name__ == "__main__":
    print(json.dumps(shard(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))
