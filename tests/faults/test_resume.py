"""A run that is killed again and again ends with what an uninterrupted run gives.

One project is killed with SIGKILL, with all its jobs, at six stages and taken up each time by the
same command; then its results are compared with those of the shared toy run, which lies at the
same path meanwhile, because a CRAM names its reference by path. 120 s.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from isec import bcftools
from running import DEFAULT_ALIGNER, Project, Run, kill_session, loaded, unfinished
from wgs_pipeline.aligners import ALIGNERS

#: Rules whose next log is waited for, and the seconds from there to the kill.
STAGES = {
    ALIGNERS[DEFAULT_ALIGNER].index_rule: 0.0,
    "align": 0.7,
    "measure_depth": 0.0,
    "call_piece": 0.1,
    "gather_gvcf": 0.1,
    "register_genome": 0.6,
    "load_genome": 0.3,
    "run_multiqc": 1.0,
}
#: Written anew with the time of each run, or about it; and by targets that other tests ask for.
OF_THE_RUN = (
    *(".snakemake/", "logs/", "benchmarks/", "report/", "qc/multiqc", "provenance/"),
    *("ngd/compaction/", "ngd/verified/"),
)
CONTIGS = ("chr1:1-26000", "chr2:1-18000", "chrX:1-14000", "chrY:1-8000", "chrM:1-1500")
WRITTEN = ("results", "ngd", "vault")


@contextmanager
def set_aside(project: Project):
    """Take away what a run wrote, and bring it back at the end."""
    kept = project.folder.with_name("kept")
    interrupted = project.folder.with_name("interrupted")
    kept.mkdir()
    interrupted.mkdir()
    for name in WRITTEN:
        (project / name).rename(kept / name)
    try:
        yield Project(kept)
    finally:
        for name in WRITTEN:
            if (project / name).exists():
                (project / name).rename(interrupted / name)
            (kept / name).rename(project / name)


def newest(project: Project, rule: str) -> float:
    logs = (project.results / f"logs/{rule}").glob("*.log")
    return max((log.stat().st_mtime for log in logs), default=0.0)


def kill_at(project: Project, rule: str, delay: float) -> tuple[bool, str]:
    """Start a run and kill it once a job of ``rule`` has begun; whether it came to that."""
    before = newest(project, rule)
    said = project.folder.with_name(f"{rule}.txt")
    process = project.start(output=said)
    while process.poll() is None and newest(project, rule) <= before:
        time.sleep(0.02)
    time.sleep(delay)
    came = process.poll() is None
    kill_session(process)
    return came, said.read_text()


def ask(project: Project, contig: str) -> str:
    """Every variant of a contig with AC, AN and AF."""
    return project.wgs("ngd", "region", str(project / "ngd"), contig, "--purpose", "care")


@pytest.fixture(scope="module")
def answers(toy_run):
    """What the database says after the uninterrupted run."""
    return {contig: ask(toy_run.project, contig) for contig in CONTIGS}


@pytest.fixture(scope="module")
def ended(toy_run, answers):
    """Where the killed run was, what its parts said, and where the uninterrupted one is."""
    project = toy_run.project
    with set_aside(project) as uninterrupted:
        parts = {rule: kill_at(project, rule, delay) for rule, delay in STAGES.items()}
        last = project.run()
        yield project, uninterrupted, parts, last


@pytest.mark.parametrize("rule", STAGES)
def test_the_run_was_killed_there(ended, rule):
    _, _, parts, _ = ended
    came, said = parts[rule]
    assert came, said[-3000:]


def test_the_same_command_takes_it_up_without_unlocking(ended):
    project, _, parts, last = ended
    assert last.code == 0, last.output[-5000:]
    for said in [*(text for _, text in parts.values()), last.output]:
        assert "LockException" not in said
        assert "Traceback" not in said
        assert "Error in rule" not in said
    assert "Nothing to be done" in project.run().output


def digests(results: Path) -> dict[str, str]:
    """A digest of what each result holds; see ``content``."""
    files = (path for path in results.rglob("*") if path.is_file())
    names = {str(path.relative_to(results)): path for path in files}
    return {
        name: hashlib.sha256(content(path)).hexdigest()
        for name, path in names.items()
        if not name.startswith(OF_THE_RUN)
    }


def content(path: Path) -> bytes:
    """The bytes of a file, without what differs from run to run.

    bcftools writes the date into the header. samtools compresses a CRAM with the method that its
    threads happened to try first (htslib, cram_compress_block): other bytes, the same records.
    """
    if path.name.endswith(".vcf.gz"):
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        return b"".join(line for line in lines if b"Command=" not in line)
    if path.name.endswith(".vcf.gz.tbi"):
        return bcftools("index", "--stats", path.with_suffix("")).encode()
    if path.name.endswith(".cram"):
        fasta = path.parents[1] / "reference/genome.fa"
        command = ["samtools", "view", "--no-PG", "-h", "-T", fasta, path]
        return subprocess.run(command, check=True, capture_output=True).stdout
    if path.parent.name == "alignment":  # index and MD5 of the CRAM's bytes
        return b""
    if path.name == "markdup.txt":  # names its temporary folder
        return path.read_bytes().partition(b"\n")[2]
    if path.name.endswith(".fastp.json"):  # so does its command
        report = json.loads(path.read_text())
        return json.dumps({k: v for k, v in report.items() if k != "command"}).encode()
    if path.parent.name == "gvcf" and path.suffix == ".json":  # has the digest of its header too
        proof = json.loads(path.read_text())
        return json.dumps({k: v for k, v in proof.items() if k != "sha256"}).encode()
    if path.name.endswith(".loaded.json"):
        receipt = json.loads(path.read_text())
        order = ("slot", "generation", "already_loaded", "digest")
        return json.dumps({k: v for k, v in receipt.items() if k not in order}).encode()
    if path.name.endswith(".registration.json"):  # its id is drawn
        return b""
    return path.read_bytes()


def test_the_results_are_those_of_an_uninterrupted_run(ended):
    """Reference, depths, metrics and verdicts byte for byte; CRAMs and VCFs by their records."""
    project, uninterrupted, _, _ = ended
    found, expected = digests(project.results), digests(uninterrupted.results)
    assert set(found) == set(expected)
    assert {name for name in found if found[name] != expected[name]} == set()
    assert sum(name.endswith(".cram") for name in found) == 4


def test_nothing_half_written_is_left(ended):
    project, _, _, _ = ended
    assert unfinished(project.results) == []
    assert not list(project.results.rglob("pieces/*/*.gz"))
    # A loader that was killed leaves an unregistered shard, which no reader sees.
    project.wgs("ngd", "compact", str(project / "ngd"))
    assert unfinished(project / "ngd") == []
    assert not list((project / "ngd").rglob(".tmp-*"))
    project.wgs("ngd", "verify", str(project / "ngd"))


def test_the_database_is_the_same(ended):
    project, uninterrupted, _, _ = ended
    assert loaded(project) == loaded(uninterrupted)
    root = str(project / "ngd")
    project.wgs("ngd", "verify", root)
    assert json.loads(project.wgs("ngd", "info", root))["genomes"] == 4


def test_the_database_answers_as_after_an_uninterrupted_run(ended, answers):
    project, _, _, _ = ended
    for contig, expected in answers.items():
        assert len(expected.splitlines()) > 2
        assert ask(project, contig) == expected


def test_a_second_run_beside_a_living_one_is_refused(ended):
    """Both would write the same files. The first one is then killed, at its start."""
    project, _, _, _ = ended
    (project.results / "qc/multiqc.html").unlink()
    said = project.folder.with_name("living.txt")
    before = newest(project, "run_multiqc")
    living = project.start(output=said)
    while living.poll() is None and newest(project, "run_multiqc") <= before:
        time.sleep(0.02)
    second: Run = project.run()
    alive = living.poll() is None
    living.wait()
    assert alive
    assert second.code != 0
    assert "lock" in second.output.lower()
    assert living.returncode == 0, said.read_text()[-3000:]
