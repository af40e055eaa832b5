import re
from collections import Counter
from itertools import pairwise

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.cli import main
from wgs_pipeline.errors import ProblemsError, WgsError
from wgs_pipeline.reference import (
    Contig,
    Interval,
    Role,
    contig_role,
    format_bed,
    known_intervals,
    pad,
    pseudoautosomal,
    read_bed,
    read_contigs,
    scatter,
    scatter_at_gaps,
    subtract,
)

LENGTHS = {"chr1": 30, "chr2": 50, "chrX": 20}
steady = settings(derandomize=True, deadline=None, max_examples=300)


def bases(intervals):
    """Every base of the intervals, in their order."""
    return [(each.contig, base) for each in intervals for base in range(each.start, each.end)]


@st.composite
def disjoint(draw, lengths=LENGTHS):
    """Intervals as of the bases of a reference without N: sorted, apart from each other."""
    intervals = []
    for contig, length in lengths.items():
        edges = sorted(draw(st.sets(st.integers(0, length), max_size=8)))
        intervals += [
            Interval(contig, start, end)
            for start, end in zip(edges[0::2], edges[1::2], strict=False)
        ]
    return intervals


@steady
@given(disjoint(), st.data())
def test_scatter(intervals, data):
    total = len(bases(intervals))
    if not total:
        return
    count = data.draw(st.integers(1, total))
    pieces = scatter(intervals, count)
    assert len(pieces) == count
    assert [base for piece in pieces for base in bases(piece)] == bases(intervals)
    sizes = {sum(map(len, piece)) for piece in pieces}
    assert max(sizes) - min(sizes) <= 1
    for each in (each for piece in pieces for each in piece):
        assert any(
            each.contig == whole.contig and whole.start <= each.start < each.end <= whole.end
            for whole in intervals
        )


@steady
@given(disjoint(), st.data())
def test_scatter_at_gaps(intervals, data):
    if not intervals:
        return
    count = data.draw(st.integers(1, len(intervals)))
    pieces = scatter_at_gaps(intervals, count)
    assert len(pieces) == count
    assert all(pieces)
    assert [each for piece in pieces for each in piece] == intervals


def test_scatter_at_gaps_is_even_where_the_gaps_are():
    sizes = (10, 10, 20, 5, 5, 5, 5)
    intervals = [Interval(f"c{n}", 0, size) for n, size in enumerate(sizes)]
    pieces = scatter_at_gaps(intervals, 3)
    assert [sum(map(len, piece)) for piece in pieces] == [20, 20, 20]


@pytest.mark.parametrize("count", [0, -1, 3])
def test_scatter_at_gaps_refuses(count):
    with pytest.raises(WgsError, match=r"2 stretches without N.*scatter_count to 2"):
        scatter_at_gaps([Interval("chr1", 0, 10), Interval("chr1", 11, 12)], count)


@pytest.mark.parametrize("count", [0, -1, 11])
def test_scatter_refuses(count):
    with pytest.raises(WgsError, match=f"10 bases without N cannot be split into {count} pieces"):
        scatter([Interval("chr1", 0, 10)], count)


@steady
@given(disjoint(), st.integers(0, 12))
def test_pad(intervals, padding):
    padded = pad(intervals, padding, LENGTHS)
    near = {
        (contig, base)
        for contig, length in LENGTHS.items()
        for base in range(length)
        if any(
            each.contig == contig and each.start - padding <= base < each.end + padding
            for each in intervals
        )
    }
    assert Counter(bases(padded)) == Counter(near)
    assert list(padded) == sorted(padded)
    for left, right in pairwise(padded):
        assert left.contig != right.contig or left.end < right.start


@steady
@given(
    st.tuples(st.integers(5, 20), st.integers(0, 20)),
    st.lists(st.tuples(st.integers(0, 45), st.integers(1, 15)), max_size=5),
)
def test_subtract(whole, parts):
    whole = Interval("chrX", whole[0], whole[0] + whole[1])
    parts = sorted(Interval("chrX", start, start + size) for start, size in parts)
    left = subtract(whole, parts)
    assert bases(left) == [base for base in bases([whole]) if base not in bases(parts)]
    assert all(len(each) > 0 for each in left)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *((name, Role.X) for name in ("X", "chrX")),
        *((name, Role.Y) for name in ("Y", "chrY")),
        *((name, Role.MITOCHONDRION) for name in ("M", "MT", "chrM", "chrMT")),
        *((name, Role.AUTOSOME) for name in ("1", "chr22", "chrX_alt", "GL000192.1", "x")),
    ],
)
def test_contig_role(name, role):
    assert contig_role(name) is role


def test_configured_roles():
    named = {"x": "NC_23", "y": "NC_24", "mitochondrion": "NC_12920"}
    assert [contig_role(name, **named) for name in named.values()] == [
        Role.X,
        Role.Y,
        Role.MITOCHONDRION,
    ]
    assert contig_role("NC_1", **named) is Role.AUTOSOME


@pytest.fixture
def fasta(tmp_path):
    def write(sequences, width=10):
        path = tmp_path / "genome.fa"
        text = ""
        for name, bases in sequences.items():
            lines = (bases[start : start + width] for start in range(0, len(bases), width))
            text += f">{name}\n" + "".join(f"{line}\n" for line in lines)
        path.write_text(text)
        pysam.faidx(str(path))
        return path

    return write


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.lists(st.text("ACGTNnacRg", min_size=1, max_size=40), min_size=1, max_size=3),
    st.sampled_from([1, 3, 10, 1 << 24]),
)
def test_known_intervals(tmp_path_factory, contigs, window):
    path = tmp_path_factory.mktemp("fasta") / "genome.fa"
    path.write_text("".join(f">c{n}\n{text}\n" for n, text in enumerate(contigs)))
    pysam.faidx(str(path))
    expected = [
        Interval(f"c{number}", *run.span())
        for number, text in enumerate(contigs)
        for run in re.finditer("[ACGTacgt]+", text)
    ]
    assert list(known_intervals(path, window)) == expected


def test_fasta_without_index(fasta, tmp_path):
    path = fasta({"chr1": "ACGT"})
    with pytest.raises(WgsError, match=r"none\.fa: not found"):
        known_intervals(tmp_path / "none.fa")
    path.with_name("genome.fa.fai").unlink()
    with pytest.raises(WgsError, match=r"genome\.fa\.fai: not found"):
        known_intervals(path)
    assert not path.with_name("genome.fa.fai").exists(), "nothing is written beside a reference"
    path.with_name("genome.fa.fai").write_text("no index\n")
    with pytest.raises(WgsError, match=r"genome\.fa: cannot be read"):
        known_intervals(path)


def test_read_contigs(fasta):
    path = fasta({"chr1": "ACGT" * 9, "chrX": "NNN", "weird": "A"})
    assert read_contigs(path.with_name("genome.fa.fai"), y="weird") == (
        Contig("chr1", 36, Role.AUTOSOME),
        Contig("chrX", 3, Role.X),
        Contig("weird", 1, Role.Y),
    )


def test_read_contigs_names_every_wrong_line(tmp_path):
    fai = tmp_path / "genome.fa.fai"
    fai.write_text("chr1\t36\t6\t10\t11\nchr2\tlong\t6\t10\t11\nchr3\t5\nchr4\t²\t6\t10\t11\n")
    with pytest.raises(ProblemsError) as error:
        read_contigs(fai)
    assert [problem.line for problem in error.value.problems] == [2, 3, 4]
    assert "name, length, offset, bases and width" in str(error.value)


def test_bed_there_and_back(tmp_path):
    intervals = (Interval("chr2", 5, 9), Interval("chr1", 0, 1))
    bed = tmp_path / "regions.bed"
    bed.write_text(
        "# regions\ntrack name=x\nbrowser position\n\n"
        + format_bed(intervals).replace("9\n", "9\tname\t0\r\n")
    )
    assert read_bed(bed) == intervals
    bed.write_text("")
    assert read_bed(bed) == ()


def test_read_bed_names_every_wrong_line(tmp_path):
    bed = tmp_path / "regions.bed"
    lines = ["chr1\t0\t5", "chr1 0 5", "chr1\t5", "chr1\t5\t5", "chr1\t-1\t5", "chr1\t1\t2.5"]
    bed.write_text("# comment\n" + "\n".join([*lines, "chr1\t²\t5", "chr1\t6\t9"]))
    with pytest.raises(ProblemsError) as error:
        read_bed(bed)
    assert [problem.line for problem in error.value.problems] == [3, 4, 5, 6, 7, 8]
    assert all(f"{bed}:" in line for line in str(error.value).splitlines())


@pytest.mark.parametrize("read", [read_bed, read_contigs])
def test_unreadable(tmp_path, read):
    for path, found in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ProblemsError, match=f"{path}: {found}"):
            read(path)
    latin = tmp_path / "latin"
    latin.write_bytes("Søren\t0\t1".encode("latin-1"))
    with pytest.raises(ProblemsError, match="not UTF-8"):
        read(latin)


def wgs(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["reference", *map(str, arguments)])
    said = capsys.readouterr()
    assert stop.value.code in (0, None), said.err
    return said.out


def test_scatter_command(fasta, tmp_path, capsys):
    path = fasta({"chr1": "NN" + "A" * 10 + "NNNN" + "C" * 5, "chr2": "G" * 6})
    outdir = tmp_path / "intervals"
    arguments = ("--fasta", path, "--fai", f"{path}.fai", "--pieces", 3, "--padding", 3)
    wgs(capsys, "scatter", *arguments, "--outdir", outdir)
    assert {each.name: each.read_text() for each in outdir.iterdir()} == {
        "0000.bed": "chr1\t2\t9\n",
        "0000.padded.bed": "chr1\t0\t12\n",
        "0001.bed": "chr1\t9\t12\nchr1\t16\t20\n",
        "0001.padded.bed": "chr1\t6\t21\n",
        "0002.bed": "chr1\t20\t21\nchr2\t0\t6\n",
        "0002.padded.bed": "chr1\t17\t21\nchr2\t0\t6\n",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("scatter", "--pieces", "0"),
        ("scatter", "--padding", "-1"),
        ("ploidy", "--sample", "son", "--sex", "Male"),
        ("ploidy-file", "none.bed", "son"),
    ],
)
def test_usage(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(["reference", *arguments])
    assert stop.value.code == 2
    assert arguments[-1] in capsys.readouterr().err or arguments[1] == "none.bed"


@pytest.mark.parametrize(
    ("x_length", "expected"),
    [
        (156_040_895, [("chrX", 10_000, 2_781_479), ("chrX", 155_701_382, 156_030_895)]),
        (155_270_560, [("chrX", 60_000, 2_699_520), ("chrX", 154_931_043, 155_260_560)]),
        (70_000, []),
    ],
)
def test_par_of_a_known_assembly_needs_no_bed(x_length, expected):
    contigs = (Contig("chr1", 1000, Role.AUTOSOME), Contig("chrX", x_length, Role.X))
    found = [(each.contig, each.start, each.end) for each in pseudoautosomal(contigs)]
    assert found == expected


def test_a_bed_of_par_goes_before_the_known_one(tmp_path):
    bed = tmp_path / "par.bed"
    bed.write_text("chrX\t5\t10\n")
    contigs = (Contig("chrX", 156_040_895, Role.X),)
    assert pseudoautosomal(contigs, bed) == (Interval("chrX", 5, 10),)


@pytest.mark.parametrize("end", ["2147483648", "9223372036854775808", "9" * 5000])
def test_a_bed_beyond_any_contig_is_refused(tmp_path, end):
    """No contig of VCF reaches 2**31; found by fuzzing, as an overflow far from the file."""
    (tmp_path / "t.bed").write_text(f"chr1\t0\t{end}\n")
    with pytest.raises(ProblemsError, match=r"t\.bed:1: "):
        read_bed(tmp_path / "t.bed")


def test_a_contig_that_is_named_and_not_there(tmp_path):
    fai = tmp_path / "ref.fa.fai"
    fai.write_text("one\t100\t6\t60\t61\nsex\t100\t120\t60\t61\n")
    assert [each.role for each in read_contigs(fai, x="sex")] == [Role.AUTOSOME, Role.X]
    with pytest.raises(ProblemsError, match="no contig sexx, which is to be X"):
        read_contigs(fai, x="sexx")
