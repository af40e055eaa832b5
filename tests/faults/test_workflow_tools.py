"""Tools that exit with 0 and leave half of what they should have written.

A folder that comes first on PATH holds the tools; each misbehaves for one sample, so that one run
(45 s) shows them all, and a healthy sample beside them.
"""

from __future__ import annotations

import json
import re
import shutil

import pytest

from running import THRESHOLDS, Project, loaded, make_toy, unfinished, write_project

BWA = r"""
case "$1 $*" in
    "mem "*SM:reads_cut*) "$tool" "$@" | head -n -1000 ;;
    *) exec "$tool" "$@" ;;
esac
"""
SAMTOOLS = r"""
case "$*" in
    "view "*" --cram "*alignment/end_cut.cram*)
        "$tool" "$@"
        truncate --size=-38 alignment/end_cut.cram.*.part/cram ;;
    *) exec "$tool" "$@" ;;
esac
"""
BCFTOOLS = r"""
case "$*" in
    mpileup*alignment/pileup_cut.cram*)
        "$tool" "$@" | head -c 1000000 ;;
    mpileup*alignment/records_cut.cram*)
        "$tool" "$@" | "$tool" view --output-type v | head -n -300 | "$tool" view --output-type u ;;
    "filter "*pieces/piece_cut/*)
        "$tool" "$@"
        truncate --size=-28 gvcf/pieces/piece_cut/0000.g.vcf.gz.*.part/gvcf ;;
    *) exec "$tool" "$@" ;;
esac
"""
TOOLS = {"bwa": BWA, "samtools": SAMTOOLS, "bcftools": BCFTOOLS}
#: By sample: FASTQ, and what the message must hold.
CUT = {
    "reads_cut": ("toy_father_A_HSYN1DSXX_L001", r"holds \d+ reads; expected the \d+ of the FASTQ"),
    "end_cut": ("toy_father_A_HSYN1DSXX_L002", "is truncated"),
    "pileup_cut": ("toy_mother_A_HSYN1DSXX_L001", "truncated|BCF read error|lies in no record"),
    "records_cut": ("toy_mother_A_HSYN1DSXX_L002", "has reads but lies in no record"),
    "piece_cut": ("toy_proband_A_HSYN1DSXX_L001", "does not end with the BGZF end-of-file block"),
}
HEALTHY = {"healthy": ("toy_unrelated_A_HSYN2DSXX_L001", "")}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tools")
    toy = make_toy(folder / "toy", 0.1)
    tools = folder / "bin"
    tools.mkdir()
    for name, script in TOOLS.items():
        path = tools / name
        path.write_text(f"#!/bin/sh\ntool={shutil.which(name)}\n{script}")
        path.chmod(0o755)
    stems = {sample: stem for sample, (stem, _) in {**CUT, **HEALTHY}.items()}
    project = write_project(
        folder / "project",
        [{"sample_id": s, "patient_id": f"SYN-{n:04}"} for n, s in enumerate(stems)],
        [
            {
                **{"sample_id": sample, "library_id": sample, "flowcell": "HSYN", "lane": "L001"},
                **{f"fastq_{m}": str(toy / f"reads/{stem}_R{m}.fastq.gz") for m in (1, 2)},
            }
            for sample, stem in stems.items()
        ],
        {"build": "toy", "fasta": str(toy / "reference/toy.fa")},
        aligner={"name": "bwa"},
        calling={"scatter_count": 1},
        qc={"thresholds": THRESHOLDS},
    )
    project = Project(project.folder, tools)
    return project, project.run()


@pytest.mark.parametrize("sample", CUT)
def test_the_loss_is_noticed(ended, sample):
    _, run = ended
    assert run.code == 1
    logs = re.findall(r"Logfile (\S+):\n=+\n(.*?)\n=+\n", run.output, re.DOTALL)
    said = "\n".join(text for name, text in logs if sample in name)
    assert re.search(CUT[sample][1], said), said
    assert "Traceback" not in said


def test_of_a_cut_sample_nothing_is_loaded(ended):
    project, _ = ended
    assert loaded(project) == {"healthy"}
    assert json.loads(project.wgs("ngd", "info", str(project / "ngd")))["genomes"] == 1


def test_of_a_cut_sample_there_is_no_callset(ended):
    project, _ = ended
    callsets = sorted(path.name for path in (project.results / "callset").glob("*.vcf.gz"))
    assert callsets == ["healthy.vcf.gz"]


def test_no_half_written_file_is_left_by_the_tools(ended):
    assert unfinished(ended[0].results) == []
    assert list(ended[0].temporary.iterdir()) == []


def test_with_sound_tools_and_the_cut_files_removed_the_same_command_finishes(ended):
    """As the messages say: remove the file, or the pieces, and call again. Costs 40 s."""
    project, run = ended
    for name in set(re.findall(r"remove (gvcf/pieces/\S+) and call", run.output)):
        shutil.rmtree(project.results / name)
    for name in set(re.findall(r"(?m)^wgs: (\S+\.(?:cram|g\.vcf\.gz)): ", run.output)):
        (project.results / name).unlink(missing_ok=True)
    project = Project(project.folder)
    project.complete()
    assert json.loads(project.wgs("ngd", "info", str(project / "ngd")))["genomes"] == 6
