"""Loaders killed at random moments: nothing lost, doubled or half visible."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

KILLS = 20
GENOMES = 6
HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=5000>\n"
COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
RUN = "from wgs_pipeline.cli import main; main()"


def _wgs(*arguments: object) -> list[str]:
    return [sys.executable, "-c", RUN, *map(str, arguments)]


def _start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _wgs(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def _gvcf(path: Path, sample: str, seed: int) -> Path:
    text = HEADER + "\t".join([*COLUMNS, sample]) + "\n"
    for pos in range(1, 4000, 20):
        text += f"chr1\t{pos}\t.\tA\t<*>\t.\t.\tEND={pos + 18}\tGT:GQ:MIN_DP\t0/0:50:30\n"
        alt = "CG"[(pos + seed) % 2]
        text += f"chr1\t{pos + 19}\t.\tA\t{alt},<*>\t.\t.\t.\tGT:DP:GQ\t0/1:30:50\n"
    path.write_text(text)
    return path


def _project(folder: Path) -> tuple[Path, list[tuple[object, ...]]]:
    register = ["patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource"]
    moment = "2024-01-01T00:00:00+01:00"
    loads: list[tuple[object, ...]] = []
    root = folder / "ngd"
    for number in range(GENOMES):
        register.append(f"person-{number}\tanalysis\tgiven\t{moment}\t{moment}\tform")
        gvcf = _gvcf(folder / f"S{number}.g.vcf", f"S{number}", number)
        loads.append(
            ("ngd", "load", root, "--sample", f"S{number}", "--gvcf", gvcf,
             "--patient-id", f"person-{number}", "--sex", "female")
        )  # fmt: skip
    (folder / "consents.tsv").write_text("\n".join(register) + "\n")
    (folder / "reference.fa.fai").write_text("chr1\t5000\t6\t60\t61\n")
    _check(
        _wgs("ngd", "init", root, "--vault", folder / "vault",
             "--consents", folder / "consents.tsv", "--reference", folder / "reference.fa.fai")
    )  # fmt: skip
    return root, loads


def test_killed_loaders_leave_every_genome_loaded_exactly_once(tmp_path: Path) -> None:
    root, loads = _project(tmp_path)
    randomness = random.Random(20)
    kills = 0
    while kills < KILLS:
        chosen = randomness.sample([*loads, ("ngd", "compact", root)], 3)
        running = [_start(*arguments) for arguments in chosen]
        time.sleep(randomness.uniform(0.3, 1.2))  # from before the work to after its end
        for process in running:
            time.sleep(randomness.uniform(0.0, 0.3))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
        for process in running:
            _, said = process.communicate(timeout=60)
            assert process.returncode in (0, -signal.SIGKILL), said.decode()
    for arguments in loads:
        done = subprocess.run(_wgs(*arguments), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    _check_whole(root)
    _check(_wgs("ngd", "compact", root))
    assert "nothing refers" not in _check_whole(root)


def _check_whole(root: Path) -> str:
    said = _check(_wgs("ngd", "verify", root))
    answer = root.parent / "region.parquet"
    _check(
        _wgs("ngd", "region", root, "chr1:1-5000", "--purpose", "care", "--format", "parquet",
             "-o", answer)
    )  # fmt: skip
    table = pq.read_table(answer)
    # Sample s carries C where pos + s is even at pos 1, 21, …: all odd, so odd s carry C.
    assert table["pos"].to_pylist() == [pos for pos in range(20, 4001, 20) for _ in "CG"]
    assert set(table["AC"].to_pylist()) == {GENOMES // 2}
    assert set(table["AN"].to_pylist()) == {2 * GENOMES}
    return said


def _check(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_readers_never_see_half_a_commit(tmp_path: Path) -> None:
    root, loads = _project(tmp_path)
    for arguments in loads[:2]:
        _check(_wgs(*arguments))
    running = [_start(*arguments) for arguments in [*loads[2:], ("ngd", "compact", root)]]
    from wgs_pipeline import ngd

    seen = []
    with ngd.open(root, "care") as database:
        while any(process.poll() is None for process in running):
            table = database.region("chr1:1-5000")
            eligible = int(table.schema.metadata[b"eligible"])
            assert set(table["AN"].to_pylist()) == {2 * eligible}
            per_site = sum(table["AC"].to_pylist()) / len(set(table["pos"].to_pylist()))
            assert per_site == eligible
            seen.append(eligible)
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
    assert seen == sorted(seen)
    _check_whole(root)
