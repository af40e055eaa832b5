"""Lanes of a sample held against one another, on real alignments of toy reads and by hand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from wgs_pipeline.errors import AlignmentError
from wgs_pipeline.fingerprints import Panel
from wgs_pipeline.metrics.lane_identity import (
    METRIC,
    Lane,
    compare_lanes,
    count_alleles,
    judge_lanes,
    read_groups,
)
from wgs_pipeline.toy import make_project

GROUPS = ["one", "two", "three"]


def test_each_lane_is_held_against_the_others_by_hand():
    # Sites: all ALT; the third lane REF; the second lane a stray REF; the first's others have few.
    ref = np.array([[0, 0, 0], [0, 0, 6], [0, 1, 0], [0, 0, 0]])
    alt = np.array([[5, 5, 5], [5, 5, 0], [5, 9, 5], [5, 2, 3]])
    assert compare_lanes(GROUPS, ref, alt) == [
        Lane("one", 1, 5, 1.0),  # the first alone: elsewhere another lane has REF, or has few
        Lane("two", 3, 17, 16 / 17),  # the first, the third and the fourth
        Lane("three", 3, 14, 8 / 14),  # the first, the second and the fourth
    ]


def test_what_lanes_come_to():
    good, bad = Lane("one", 100, 900, 0.998), Lane("two", 100, 900, 0.7)
    document = judge_lanes("S1", [good, bad])
    assert document["reasons"] == [
        {
            "metric": METRIC, "value": 0.7, "threshold": 0.95, "level": "hold", "other": "two",
            "rule": "hold where the reads of a lane are not of the other lanes' person",
        }
    ]  # fmt: skip
    assert judge_lanes("S1", [good, good])["passed"] == [METRIC]
    few = judge_lanes("S1", [good, Lane("two", 29, 900, 0.1)])
    assert (few["reasons"], few["passed"]) == ([], [])
    assert few["not_judged"] == [(METRIC, "lane two has 900 reads at 29 sites; expected 100 at 30")]
    assert judge_lanes("S1", [])["not_judged"] == [(METRIC, "the sample has one lane")]


class Aligned:
    """Lanes of toy people in one alignment, as the workflow merges them."""

    def __init__(self, folder: Path) -> None:
        toy = make_project(folder / "toy", coverage=30).folder
        self.reads, self.fasta, self.folder = toy / "reads", folder / "genome.fa", folder
        self.fasta.write_bytes((toy / "reference/toy.fa").read_bytes())
        run(f"samtools faidx {self.fasta}")
        run(f"bwa index {self.fasta}")
        rows = (line.split("\t") for line in Path(f"{self.fasta}.fai").read_text().splitlines())
        lengths = {row[0]: int(row[1]) for row in rows}
        self.panel = Panel.of({name: lengths[name] for name in ("chr1", "chr2", "chr3")
                               if name in lengths})  # fmt: skip

    def lanes(self, *stems: str) -> list[Lane]:
        parts = []
        for stem in stems:
            part = self.folder / f"{stem}.bam"
            if not part.exists():
                fastqs = " ".join(str(self.reads / f"{stem}_R{mate}.fastq.gz") for mate in (1, 2))
                group = rf"'@RG\tID:{stem}\tSM:S\tLB:{stem}'"
                run(f"bwa mem -R {group} {self.fasta} {fastqs} | samtools sort -o {part}")
            parts.append(str(part))
        cram = self.folder / "merged.cram"
        run(f"samtools merge -f --reference {self.fasta} -O cram --write-index "
            f"-o {cram} {' '.join(parts)}")  # fmt: skip
        groups = read_groups(cram, self.fasta)
        return compare_lanes(groups, *count_alleles(cram, self.fasta, groups, self.panel, (20, 20)))


def run(command: str) -> None:
    subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], check=True, capture_output=True)


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    return Aligned(tmp_path_factory.mktemp("lanes"))


PROBAND = ("toy_proband_A_HSYN1DSXX_L001", "toy_proband_A_HSYN1DSXX_L002")
FATHER, STRANGER = "toy_father_A_HSYN1DSXX_L001", "toy_unrelated_A_HSYN2DSXX_L001"


def held(lanes):
    return {each["other"] for each in judge_lanes("S", lanes)["reasons"]}


def test_lanes_of_one_person_agree(aligned):
    lanes = aligned.lanes(*PROBAND)
    assert judge_lanes("S", lanes)["passed"] == [METRIC]
    assert min(lane.concordance for lane in lanes) > 0.99


@pytest.mark.parametrize("other", [FATHER, STRANGER])
def test_the_lane_of_another_person_is_named(aligned, other):
    lanes = aligned.lanes(*PROBAND, other)
    assert held(lanes) == {other}


def test_of_two_lanes_both_are_named(aligned):
    assert held(aligned.lanes(PROBAND[0], STRANGER)) == {PROBAND[0], STRANGER}


def test_an_alignment_that_is_none_is_refused(aligned, tmp_path):
    (tmp_path / "x.cram").write_bytes(b"no alignment")
    with pytest.raises(AlignmentError, match=r"x\.cram: its header cannot be read"):
        read_groups(tmp_path / "x.cram", aligned.fasta)
