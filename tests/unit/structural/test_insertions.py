"""Genotypes of insertions from reads that are written by hand."""

import pysam
import pytest
from event_builders import call

from wgs_pipeline.errors import StructuralError
from wgs_pipeline.structural.insertions import genotype_insertions

PLACE, LENGTH = 500, 100
#: A read by its start and CIGAR: 100 bases each.
THROUGH = (450, "100M")
LEFT, RIGHT = (430, "70M30S"), (500, "30S70M")
WITHIN = (450, "50M30I20M")
ELSEWHERE = [(450, "60M40S"), (480, "95M5S"), (495, "100M"), (300, "100M")]


@pytest.fixture
def alignment(tmp_path):
    fasta = tmp_path / "ref.fa"
    fasta.write_text(">chr1\n" + "ACGT" * 250 + "\n")
    pysam.faidx(str(fasta))

    def write(*reads, **fields):
        path = tmp_path / "reads.bam"
        header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": "chr1", "LN": 1000}]}
        with pysam.AlignmentFile(str(path), "wb", header=header) as file:
            for number, (start, cigar) in enumerate(sorted(reads)):
                read = pysam.AlignedSegment(file.header)
                read.query_name, read.reference_id = f"r{number}", 0
                read.reference_start, read.cigarstring = start, cigar
                read.mapping_quality = fields.get("quality", 60)
                read.flag = fields.get("flag", 0)
                read.query_sequence = "A" * LENGTH
                file.write(read)
        pysam.index(str(path))
        return path, fasta

    return write


def genotyped(alignment, *calls, min_quality=1):
    return genotype_insertions(calls, *alignment, min_quality)


INSERTION = call(PLACE, kind="INS", length=300, caller="dysgu", genotype=(1, 1))


@pytest.mark.parametrize(
    ("reads", "genotype"),
    [
        ([THROUGH] * 8 + [LEFT] * 8 + [RIGHT] * 8, (0, 1)),
        ([LEFT] * 12 + [RIGHT] * 14, (1, 1)),
        ([WITHIN] * 10, (1, 1)),
        ([WITHIN] * 10 + [THROUGH] * 5, (0, 1)),
        # One read of thirty that runs through is a mistake.
        ([LEFT] * 30 + [THROUGH], (1, 1)),
        # Clips elsewhere, short clips and reads that end near the place say nothing.
        ([LEFT] * 10 + [RIGHT] * 10 + ELSEWHERE * 3, (1, 1)),
    ],
)
def test_genotypes(alignment, reads, genotype):
    (found,) = genotyped(alignment(*reads), INSERTION)
    assert found.genotype == genotype


def test_quality_by_hand(alignment):
    # Each read through: 10 log10((1/3) / 0.02) = 12.2; each other: 10 log10((2/3) / 0.98) = -1.67.
    (found,) = genotyped(alignment(THROUGH, *[LEFT] * 4), INSERTION)
    assert (found.genotype, found.genotype_quality) == ((0, 1), round(12.218 - 4 * 1.673))
    (found,) = genotyped(alignment(*[LEFT] * 10), INSERTION)
    assert (found.genotype, found.genotype_quality) == ((1, 1), 17)


@pytest.mark.parametrize(
    "fields", [{"flag": 1024}, {"flag": 256}, {"flag": 2048}, {"flag": 512}, {"quality": 0}]
)
def test_reads_that_do_not_count(alignment, fields):
    (found,) = genotyped(alignment(*[THROUGH] * 20, *[LEFT] * 20, **fields), INSERTION)
    assert found == INSERTION


def test_other_calls_stay_as_they_are(alignment):
    path = alignment(*[THROUGH] * 10, *[LEFT] * 10)
    others = (call(PLACE, 800), call(PLACE, kind="INS", length=60))
    assert genotyped(path, *others) == list(others)


def test_an_alignment_that_cannot_be_read(tmp_path):
    with pytest.raises(StructuralError, match="cannot be read for the genotypes of insertions"):
        genotype_insertions([INSERTION], tmp_path / "no.cram", tmp_path / "no.fa", 1)
