"""A load and a compaction killed at steps that touch the disk, one after another."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

from wgs_pipeline import ngd
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault

#: Kills itself at the n-th step; a step is a rename, removal, fsync or database commit.
CHILD = """
import os, signal, sys
from pathlib import Path
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.vault import Vault

folder, last = Path(sys.argv[1]), int(sys.argv[2])
steps = 0

def counted(function):
    def call(*arguments, **options):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call

os.fsync = counted(os.fsync)
for name in ("replace", "rename", "unlink"):
    setattr(Path, name, counted(getattr(Path, name)))
Vault.put = counted(Vault.put)
Vault.record_outcome = counted(Vault.record_outcome)
load(folder / "ngd", Request("S2", folder / "S2.g.vcf", "person-2", "female"))
root = Root.open(folder / "ngd")
with Vault(root.vault) as vault:
    compact(root, vault)
"""

#: Every step takes two minutes to test, every third 40 s.
STRIDE = 3

HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=100>\n"
RECORDS = (
    "chr1\t1\t.\tA\t<*>\t.\t.\tEND=49\tGT:GQ:MIN_DP\t0/0:50:30\n"
    "chr1\t50\t.\tA\tG,<*>\t.\t.\t.\tGT:DP:GQ\t0/1:30:50\n"
)
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


def _template(folder: Path) -> None:
    folder.mkdir()
    moment = "2024-01-01T00:00:00+01:00"
    rows = ["patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource"]
    for number in (1, 2):
        rows.append(f"person-{number}\tanalysis\tgiven\t{moment}\t{moment}\tform")
        text = HEADER + COLUMNS + f"S{number}\n" + RECORDS
        (folder / f"S{number}.g.vcf").write_text(text)
    (folder / "consents.tsv").write_text("\n".join(rows) + "\n")
    (folder / "r.fai").write_text("chr1\t100\t6\t60\t61\n")


def _first_genome(folder: Path) -> None:
    wanted = Wanted(folder / "vault", folder / "consents.tsv", folder / "r.fai")
    initialise(folder / "ngd", wanted)
    load(folder / "ngd", Request("S1", folder / "S1.g.vcf", "person-1", "male"))
    root = Root.open(folder / "ngd")
    with Vault(root.vault) as vault:
        compact(root, vault)


def _verified(folder: Path) -> None:
    root = Root.open(folder / "ngd")
    with Vault(root.vault) as vault:
        assert verify(root, vault).problems == ()


def _count(folder: Path) -> int:
    with ngd.open(folder / "ngd", "care") as database:
        row = database.variant("chr1-50-A-G").to_pylist()[0]
    assert row["AN"] == 2 * row["AC"]
    return int(row["AC"])


def test_a_kill_at_any_step_is_completed_by_calling_again(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    killed, step = 0, 1 - STRIDE
    while True:
        step += STRIDE
        _template(folder)
        _first_genome(folder)
        child = subprocess.run(
            [sys.executable, "-c", CHILD, str(folder), str(step)], capture_output=True, check=False
        )
        if child.returncode == 0:
            break
        assert child.returncode == -signal.SIGKILL, child.stderr.decode()
        killed += 1
        assert _count(folder) in (1, 2)
        _verified(folder)
        load(folder / "ngd", Request("S2", folder / "S2.g.vcf", "person-2", "female"))
        assert _count(folder) == 2
        root = Root.open(folder / "ngd")
        with Vault(root.vault) as vault:
            compact(root, vault)
            report = verify(root, vault)
        assert (report.problems, report.orphans, report.genomes) == ((), (), 2)
        assert _count(folder) == 2
        shutil.rmtree(folder)
    assert killed > 10
