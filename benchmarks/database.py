"""gVCF to genome shard against `bcftools view -Ou` of the same file, in lines a second.

The gVCF is the toy proband's, repeated under new contig names until it has a million records.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pysam

import stages
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.ngd.shard_writer import write_shard

RECORDS = 1_000_000


def tile(gvcf: Path, output: Path) -> tuple[int, dict[str, int]]:
    """Repeat a gVCF under new contig names.

    Returns:
        Its records, and the length of each contig.
    """
    with pysam.VariantFile(str(gvcf)) as file:
        lengths = {name: contig.length for name, contig in file.header.contigs.items()}
    text = subprocess.run(["bgzip", "-dc", str(gvcf)], capture_output=True, check=True).stdout
    lines = text.decode().splitlines()
    header = [line for line in lines if line.startswith("#")]
    body = [
        line for line in lines if not line.startswith("#") and line.startswith(("chr1", "chr2"))
    ]
    copies = -(-RECORDS // len(body))
    tiled = {f"{n}_{k}": lengths[n] for k in range(copies) for n in ("chr1", "chr2")}
    with pysam.BGZFile(str(output), "w") as out:
        kept = [line for line in header if not line.startswith("##contig")]
        contigs = [f"##contig=<ID={name},length={size}>" for name, size in tiled.items()]
        out.write(("\n".join([*kept[:-1], *contigs, kept[-1]]) + "\n").encode())
        for copy in range(copies):
            renamed = (line.replace("\t", f"_{copy}\t", 1) for line in body)
            out.write(("\n".join(renamed) + "\n").encode())
    return copies * len(body), tiled


def run(project: Path, repeats: int, output: Path) -> None:
    """Measure the load path on one core, and print records a second."""
    folder = project.parent
    tiled = folder / "tiled.g.vcf.gz"
    records, lengths = tile(project / "results/gvcf" / f"{stages.SAMPLE}.g.vcf.gz", tiled)
    fai = folder / "tiled.fa.fai"
    fai.write_text("".join(f"{name}\t{size}\t0\t60\t61\n" for name, size in lengths.items()))
    wanted = Wanted(folder / "vault", project / "consents.tsv", fai)
    initialise(folder / "ngd", wanted)
    ours, theirs = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        write_shard(Root.open(folder / "ngd"), tiled, stages.SAMPLE, Analysis("XY"))
        ours.append(time.perf_counter() - started)
        theirs.append(stages.wall(f"bcftools view -Ou {tiled} > /dev/null"))
    rates = [records / min(seconds) / 1e6 for seconds in (ours, theirs)]
    print(
        f"{'gVCF to shard':<22}{rates[0]:>7.2f} M/s{rates[1]:>7.2f} M/s"
        f"{min(ours) / min(theirs):>8.2f}   (records a second; bcftools view -Ou)",
        flush=True,
    )
    with output.open("a", encoding="utf-8") as file:
        row = {"name": "gVCF to shard", "records": records, "ours": ours, "theirs": theirs}
        file.write(json.dumps(row) + "\n")
