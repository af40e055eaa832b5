"""Loading a callset, killed at steps that touch the disk: all of it is there, or nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

from wgs_pipeline import ngd
from wgs_pipeline.ngd.callset import CallsetRequest, load_callset
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault

#: Kills itself at the n-th step; a step is a rename, removal, fsync or note in the vault.
CHILD = """
import os, signal, sys
from pathlib import Path
from wgs_pipeline.ngd.callset import CallsetRequest, load_callset
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
load_callset(folder / "ngd", CallsetRequest(folder / "x.vcf", folder / "samples.tsv"))
"""

#: Every step takes two minutes to test.
STRIDE = 7

VCF = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=100>\n##FORMAT=<ID=GT>\n"
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\tS3\n"
    "chr1\t50\t.\tA\tG\t.\t.\t.\tGT\t0|1\t1|1\t0|0\n"
)


def _project(folder: Path) -> None:
    folder.mkdir()
    moment = "2024-01-01T00:00:00+01:00"
    consents = ["patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource"]
    samples = ["sample_id\tpatient_id\tsex"]
    for number in (1, 2, 3):
        consents.append(f"person-{number}\tanalysis\tgiven\t{moment}\t{moment}\tform")
        samples.append(f"S{number}\tperson-{number}\tfemale")
    (folder / "consents.tsv").write_text("\n".join(consents) + "\n")
    (folder / "samples.tsv").write_text("\n".join(samples) + "\n")
    (folder / "x.vcf").write_text(VCF)
    initialise(folder / "ngd", Wanted(folder / "vault", folder / "consents.tsv"))


def _number(folder: Path) -> int:
    """AN of the site, as whoever asks after another's commit sees it."""
    root = Root.open(folder / "ngd")
    with Vault(root.vault) as vault:
        commit(root, vault)
        assert verify(root, vault).problems == ()
    if not (root.path / "reference.json").exists():
        return 0
    with ngd.open(folder / "ngd", "care") as database:
        return int(database.variant("chr1-50-A-G")["AN"][0].as_py())


def test_a_kill_leaves_all_or_nothing_and_is_completed_by_calling_again(tmp_path: Path) -> None:
    folder, step, seen = tmp_path / "project", 1, set()
    while True:
        _project(folder)
        command = [sys.executable, "-c", CHILD, str(folder), str(step)]
        child = subprocess.run(command, capture_output=True, check=False)
        if child.returncode == 0:
            break
        assert child.returncode == -signal.SIGKILL, child.stderr.decode()
        seen.add(_number(folder))
        assert seen <= {0, 6}
        load_callset(folder / "ngd", CallsetRequest(folder / "x.vcf", folder / "samples.tsv"))
        assert _number(folder) == 6
        root = Root.open(folder / "ngd")
        with Vault(root.vault) as vault:
            compact(root, vault)
            report = verify(root, vault)
        assert (report.problems, report.orphans, report.genomes) == ((), (), 3)
        shutil.rmtree(folder)
        step += STRIDE
    assert seen == {0, 6}  # killed before the registrations were left, and after
