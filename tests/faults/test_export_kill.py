"""An export killed at any moment: the folder is the old export or the new one, and whole."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import yaml

from wgs_pipeline import audit
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.vault import Vault

KILLS = 8
RUN = "from wgs_pipeline.cli import main; main()"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT"


def _database(folder: Path) -> list[str]:
    """A database of four persons; returns the command that exports it."""
    moment = "2024-01-01T00:00:00+01:00"
    rows = ["patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource"]
    rows += [f"person-{n}\tanalysis\tgiven\t{moment}\t{moment}\tform" for n in range(4)]
    (folder / "consents.tsv").write_text("\n".join(rows) + "\n")
    (folder / "r.fa.fai").write_text("chr1\t5000\t0\t60\t61\n")
    wanted = Wanted(folder / "vault", folder / "consents.tsv", folder / "r.fa.fai")
    initialise(folder / "ngd", wanted)
    for number in range(4):
        text = f"##fileformat=VCFv4.2\n##contig=<ID=chr1,length=5000>\n{COLUMNS}\tS{number}\n"
        for pos in range(10 + number, 4900, 97):
            text += f"chr1\t{pos}\t.\tA\tG,<*>\t.\t.\t.\tGT:DP:GQ\t0/1:30:50\n"
        gvcf = folder / f"S{number}.g.vcf"
        gvcf.write_text(text)
        load(folder / "ngd", Request(f"S{number}", gvcf, f"person-{number}", "female"))
    project = {
        "id": "p1", "title": "t", "approval": {"number": "1", "committee": "c"}, "purpose": "x",
        "duo": ["DUO:0000006"], "valid_from": "2024-01-01", "valid_to": "2099-12-31",
        "users": [audit.system_user()], "data": ["frequencies", "genotypes"],
    }  # fmt: skip
    (folder / "project.yaml").write_text(yaml.safe_dump(project))
    return [
        sys.executable, "-c", RUN, "ngd", "export", str(folder / "ngd"), "--project",
        str(folder / "project.yaml"), "--format", "parquet", "--format", "vcf", "--format", "bcf",
        "-o", str(folder / "out"),
    ]  # fmt: skip


def _whole(out: Path) -> bool:
    manifest = json.loads((out / "manifest.json").read_text())
    found = {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    return found == manifest["files"]


def test_an_export_killed_at_random_leaves_the_old_one_or_the_new_one(tmp_path: Path):
    command = _database(tmp_path)
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    took = time.monotonic() - began
    assert _whole(tmp_path / "out")
    rng = random.Random(1)
    killed = 0
    for attempt in range(3 * KILLS):
        if killed == KILLS:
            break
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        # Most of the time goes into starting up; most kills shall come after that.
        time.sleep(took * rng.uniform(0.3, 1.0))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
        assert _whole(tmp_path / "out"), attempt
    assert killed
    subprocess.run(command, check=True, capture_output=True)
    assert _whole(tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir() if "out" in each.name] == ["out"]
    root = Root.open(tmp_path / "ngd")
    with Vault(root.vault) as vault:
        assert audit.verify(root.audit, vault) == []
        logged = [each for each in audit.entries(root.audit) if each["action"] == "export"]
        # Whatever was put in place had been logged, and the vault remembers no more than that.
        assert 2 <= len(vault.exports()) <= len(logged)
