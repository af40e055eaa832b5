"""Ploidy by karyotype, against the ploidy that the database counts by."""

import json

import numpy as np
import pysam
import pytest

from wgs_pipeline.cli import main
from wgs_pipeline.errors import WgsError
from wgs_pipeline.karyotypes import SEX_CHROMOSOMES
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ploidy import (
    Karyotype,
    choose_karyotype,
    format_bed,
    header_line,
    ploidy_runs,
    read_karyotype,
    read_ploidy,
)
from wgs_pipeline.reference import Contig, Interval, Role, contig_role

PAR = (Interval("chrX", 0, 10), Interval("chrX", 90, 100), Interval("chrY", 0, 10))
LENGTHS = {"chr1": 200, "chrX": 100, "chrY": 50, "chrM": 16}
CONTIGS = [Contig(name, length, contig_role(name)) for name, length in LENGTHS.items()]
M = ("chrM", 0, 16, 1)


def runs(par, karyotype, most=None):
    found = ploidy_runs(CONTIGS, par, karyotype, most)
    return [(r.interval.contig, r.interval.start, r.interval.end, r.ploidy) for r in found]


@pytest.mark.parametrize(
    ("karyotype", "par", "expected"),
    [
        ("XX", PAR, [M, ("chrY", 0, 50, 0)]),
        ("XX", (), [M, ("chrY", 0, 50, 0)]),
        ("XY", PAR, [M, ("chrX", 10, 90, 1), ("chrY", 0, 10, 0), ("chrY", 10, 50, 1)]),
        ("XY", PAR[1::-1], [M, ("chrX", 10, 90, 1), ("chrY", 0, 50, 1)]),
        ("XY", (), [M, ("chrX", 0, 100, 1), ("chrY", 0, 50, 1)]),
        ("X0", PAR, [M, *(("chrX", s, e, 1) for s, e in ((0, 10), (10, 90), (90, 100))),
                     ("chrY", 0, 50, 0)]),
        ("XXY", PAR, [M, ("chrX", 0, 10, 3), ("chrX", 90, 100, 3), ("chrY", 0, 10, 0),
                      ("chrY", 10, 50, 1)]),
        ("XYY", PAR, [M, ("chrX", 0, 10, 3), ("chrX", 10, 90, 1), ("chrX", 90, 100, 3),
                      ("chrY", 0, 10, 0)]),
        ("XXX", PAR, [M, ("chrX", 0, 100, 3), ("chrY", 0, 50, 0)]),
        ("unknown", PAR, [M, ("chrY", 0, 10, 0)]),
    ],
)  # fmt: skip
def test_ploidy_runs(karyotype, par, expected):
    found = runs(par, karyotype)
    if karyotype in ("X0", "XXX"):  # neighbouring runs of one ploidy may be one or several
        assert [r for r in per_base(found)] == [r for r in per_base(expected)]
    else:
        assert found == expected


def per_base(found):
    copies = {name: np.full(length, 2) for name, length in LENGTHS.items()}
    for contig, start, end, ploidy in found:
        copies[contig][start:end] = ploidy
    return [(name, each.tolist()) for name, each in copies.items()]


@pytest.mark.parametrize("karyotype", SEX_CHROMOSOMES)
def test_called_copies_are_those_that_the_database_counts(karyotype):
    par = {"chrX": ((0, 10), (90, 100)), "chrY": ((0, 10),)}
    reference = Reference.build(LENGTHS, par)
    for name, copies in per_base(runs(PAR, karyotype)):
        counted = reference.ploidy(name, karyotype, np.arange(LENGTHS[name])).tolist()
        # Of more than two copies it has no genotype, and counts none.
        assert [0 if each > 2 else each for each in copies] == counted, name


def test_a_caller_that_knows_two_copies_is_given_no_more():
    assert runs(PAR, "XXX", 2) == [M, ("chrY", 0, 50, 0)]
    assert runs(PAR, "XYY", 2) == [M, ("chrX", 10, 90, 1), ("chrY", 0, 10, 0)]


@pytest.mark.parametrize(
    ("stated", "inferred", "expected"),
    [
        ("male", "XXY", Karyotype("XXY", "inferred")),
        ("male", "XX", Karyotype("XX", "inferred")),  # the calls are of the real genome
        ("unknown", "X0", Karyotype("X0", "inferred")),
        ("female", None, Karyotype("XX", "stated", "why")),
        ("unknown", None, Karyotype("unknown", "none", "why")),
    ],
)
def test_the_inferred_karyotype_goes_before_the_stated_sex(stated, inferred, expected):
    assert choose_karyotype(stated, inferred, "" if inferred else "why") == expected


def test_other_falls_back_on_the_stated_sex():
    chosen = choose_karyotype("male", "other")
    assert (chosen.name, chosen.basis) == ("XY", "stated")
    assert "no karyotype" in chosen.why


def test_header_line_and_bed(tmp_path):
    found = ploidy_runs(CONTIGS, PAR, "XY")
    assert header_line("S1", Karyotype("XY", "inferred"), found) == (
        "##wgs_pipeline_ploidy=<ID=S1,Karyotype=XY,Basis=inferred,"
        'Regions="chrM:1-16=1,chrX:11-90=1,chrY:1-10=0,chrY:11-50=1">\n'
    )
    bed = tmp_path / "S1.bed"
    bed.write_text(format_bed("S1", found))
    assert {name: rows.tolist() for name, rows in read_ploidy(bed).items()} == {
        "chrM": [[0, 16, 1]],
        "chrX": [[10, 90, 1]],
        "chrY": [[0, 10, 0], [10, 50, 1]],
    }
    bed.write_text("chrX\t0\t10\n")
    with pytest.raises(WgsError, match="has no ploidy"):
        read_ploidy(bed)


@pytest.fixture
def fasta(tmp_path):
    def write(sequences):
        path = tmp_path / "genome.fa"
        path.write_text("".join(f">{name}\n{bases}\n" for name, bases in sequences.items()))
        pysam.faidx(str(path))
        return path

    return write


def wgs(capsys, *arguments, code=0):
    with pytest.raises(SystemExit) as stop:
        main(["reference", *map(str, arguments)])
    said = capsys.readouterr()
    assert (stop.value.code or 0) == code, said.err
    return said.out + said.err


def test_commands(fasta, tmp_path, capsys):
    path = fasta({"chr1": "A" * 20, "hemi": "C" * 30, "chrM": "G" * 5})
    par, bed, json_ = tmp_path / "par.bed", tmp_path / "ploidy.bed", tmp_path / "ploidy.json"
    par.write_text("hemi\t0\t10\n")
    fixed = ("--fai", f"{path}.fai", "--x", "hemi", "--par-bed", par, "-o", bed)
    wgs(capsys, "ploidy", *fixed, "--sample", "son", "--sex", "male", "--json", json_)
    assert bed.read_text() == "chrM\t0\t5\tson\t1\nhemi\t10\t30\tson\t1\n"
    content = json.loads(json_.read_text())
    assert (content["karyotype"], content["basis"], content["inferred"]) == ("XY", "stated", None)
    assert content["ploidy"] == [["chrM", 0, 5, 1], ["hemi", 10, 30, 1]]
    assert read_karyotype(json_, "son") == "XY"
    with pytest.raises(WgsError, match="is of sample son; expected mother"):
        read_karyotype(json_, "mother")
    printed = wgs(capsys, "ploidy-file", bed, "son")
    assert printed == "chrM 1 5 son 1\nhemi 11 30 son 1\n* * * son 2\n"
    both = tmp_path / "both.bed"
    wgs(capsys, "ploidy", *fixed, "--sample", "mother", "--sex", "female")
    both.write_text("chrM\t0\t5\tson\t1\nhemi\t10\t30\tson\t1\n" + bed.read_text())
    printed = wgs(capsys, "ploidy-file", both, "mother", "son")
    assert printed.splitlines()[-2:] == ["* * * mother 2", "* * * son 2"]
    assert len(printed.splitlines()) == 5


def test_bcftools_is_told_no_more_than_it_knows(tmp_path, capsys):
    bed = tmp_path / "S1.bed"
    bed.write_text("chrX\t0\t10\tS1\t3\nchrY\t0\t10\tS1\t0\n")
    printed = wgs(capsys, "ploidy-file", bed, "S1")
    assert printed == "chrX 1 10 S1 2\nchrY 1 10 S1 0\n* * * S1 2\n"


def test_refusals(fasta, tmp_path, capsys):
    path = fasta({"chr1": "A" * 20})
    fixed = ("ploidy", "--fai", f"{path}.fai", "--sample", "s", "--sex", "male")
    output = ("-o", tmp_path / "x.bed")
    assert "belong together" in wgs(capsys, *fixed, "--gvcf", "x.vcf.gz", *output, code=2)
    both = ("--gvcf", "x", "--regions", "y", "--alignment-tally", "z")
    assert "not both" in wgs(capsys, *fixed, *both, *output, code=2)
    broken = tmp_path / "tally.json"
    broken.write_text("{}")
    said = wgs(capsys, *fixed, "--alignment-tally", broken, *output, code=1)
    assert "not the output of wgs qc alignment" in said
    assert not (tmp_path / "x.bed").exists()


def test_a_reference_without_sex_chromosomes_is_diploid():
    contigs = [Contig("20", 1000, Role.AUTOSOME)]
    assert ploidy_runs(contigs, (), "XY") == ()
