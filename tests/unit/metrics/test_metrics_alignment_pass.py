"""Depth of one pass against a plain count, read by read and base by base, of random alignments."""

import io
import subprocess
from collections import defaultdict
from pathlib import Path

import numpy as np
import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wgs_pipeline.errors import AlignmentError, WgsError
from wgs_pipeline.metrics import alignment_pass
from wgs_pipeline.metrics.alignment_pass import Counter, Regions, tally_alignment
from wgs_pipeline.metrics.contigs import Part
from wgs_pipeline.metrics.panel import Target
from wgs_pipeline.metrics.sites import CommonSnvs
from wgs_pipeline.metrics.tally import BREADTHS, AlignmentTally
from wgs_pipeline.reference import Contig, Interval, Role

LENGTHS = {"chr1": 400, "chr2": 150, "chr3": 300}
INTERVALS = (
    Interval("chr1", 0, 180),
    Interval("chr1", 200, 400),
    Interval("chr2", 0, 150),
    Interval("chr3", 10, 300),
)
#: Two exons that overlap, of two genes; one that spans an N; one of one base.
TARGETS = (
    Target("A", Interval("chr1", 20, 90)),
    Target("B", Interval("chr1", 60, 260)),
    Target("A", Interval("chr1", 399, 400)),
    Target("C", Interval("chr3", 100, 250)),
)
#: Common SNVs: contig, position. Their alleles do not matter to the count of bases.
SITES = np.array([(0, 15), (0, 16), (0, 60), (0, 399), (1, 5), (1, 40), (2, 0), (2, 70)])
HEADER = {"HD": {"VN": "1.6"}, "SQ": [{"SN": name, "LN": n} for name, n in LENGTHS.items()]}
CIGARS = ["30M", "5S25M", "10M2D20M", "12M3I15M", "10=5X15M", "8M40N22M", "4H30M", "20M10S"]


@pytest.fixture(scope="module")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "toy.fa"
    rng = np.random.default_rng(1)
    path.write_text(
        "".join(f">{name}\n{''.join(rng.choice(list('ACGT'), n))}\n" for name, n in LENGTHS.items())
    )
    pysam.faidx(str(path))
    return path


@st.composite
def alignments(draw: st.DrawFn) -> pysam.AlignedSegment:
    read = pysam.AlignedSegment(pysam.AlignmentHeader.from_dict(HEADER))
    read.query_name = f"read{draw(st.integers(0, 3))}"
    read.flag = draw(
        st.sampled_from([0, 16, 99, 147, 83, 163, 73, 4, 1024 + 99, 256, 512 + 99, 2048 + 99])
    )
    read.cigarstring = draw(st.sampled_from(CIGARS))
    length = read.infer_query_length()
    bases = draw(st.lists(st.sampled_from("ACGTN"), min_size=length, max_size=length))
    read.query_sequence = "".join(bases)
    read.query_qualities = draw(
        st.lists(st.sampled_from([2, 19, 20, 37]), min_size=length, max_size=length)
    )
    name = draw(st.sampled_from(list(LENGTHS)))
    read.reference_id = list(LENGTHS).index(name)
    # Close together, so that reads of one name overlap.
    latest = LENGTHS[name] - (read.reference_length or 0)
    read.reference_start = draw(st.integers(0, min(latest, 70)))
    read.mapping_quality = draw(st.sampled_from([0, 19, 20, 60]))
    return read


def counted_plainly(
    reads: list[pysam.AlignedSegment],
) -> tuple[dict[str, np.ndarray], dict[tuple[str, int], list[str]]]:
    """Depth of each contig, and the bases at each position; of one name the first read's."""
    names: dict[tuple[str, int], set[str]] = defaultdict(set)
    bases: dict[tuple[str, int], list[str]] = defaultdict(list)
    for read in reads:
        if read.is_unmapped or read.is_secondary or read.is_qcfail or read.is_duplicate:
            continue
        if read.mapping_quality < 20 or (read.is_paired and read.mate_is_unmapped):
            continue
        for query, position in read.get_aligned_pairs(matches_only=True):
            if read.query_qualities[query] >= 20 and read.query_sequence[query] != "N":
                if read.query_name not in names[read.reference_name, position]:
                    bases[read.reference_name, position].append(read.query_sequence[query])
                names[read.reference_name, position].add(read.query_name)
    depth = {name: np.zeros(length, int) for name, length in LENGTHS.items()}
    for (contig, position), each in names.items():
        depth[contig][position] = len(each)
    return depth, bases


def regions() -> Regions:
    contigs = [Contig(name, length, Role.AUTOSOME) for name, length in LENGTHS.items()]
    zeros = np.zeros(len(SITES), np.int64)
    common = CommonSnvs(SITES[:, 0].copy(), SITES[:, 1].copy(), zeros, zeros + 1, zeros + 0.5)
    return Regions(contigs, INTERVALS, (), TARGETS, common)


def in_order(reads: list[pysam.AlignedSegment]) -> list[pysam.AlignedSegment]:
    return sorted(reads, key=lambda read: (read.reference_id, read.reference_start))


def stream(reads: list[pysam.AlignedSegment], path: Path) -> bytes:
    with pysam.AlignmentFile(str(path), "wb0", header=HEADER) as file:
        for read in in_order(reads):
            file.write(read)
    return path.read_bytes()


def counted(data: bytes, fasta: Path, block: int) -> Counter:
    counter = Counter(regions(), fasta)
    source = io.BytesIO(data)
    while counter.read(source, block):
        pass
    return counter


def tallied(data: bytes, fasta: Path, block: int) -> AlignmentTally:
    return counted(data, fasta, block).finish()


@given(reads=st.lists(alignments(), max_size=25), block=st.sampled_from([61, 1000, 1 << 20]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_equal_to_a_plain_count(
    reads: list[pysam.AlignedSegment],
    block: int,
    fasta: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Small enough that the window moves and widens, and that the table of names is rebuilt.
    monkeypatch.setattr(alignment_pass, "_WINDOW", 40)
    monkeypatch.setattr(alignment_pass, "_PLACES", 4)
    monkeypatch.setattr(alignment_pass, "_ARENA", 100)
    counter = counted(stream(reads, tmp_path / "reads.bam"), fasta, block)
    tally = counter.finish()
    depth, bases = counted_plainly(in_order(reads))
    for (contig, position), found in zip(SITES, counter.site_bases, strict=True):
        shown = "".join(bases[list(LENGTHS)[contig], position])
        assert found.tolist() == [shown.count(base) for base in "ACGT"]
    known = np.concatenate([depth[each.contig][each.start : each.end] for each in INTERVALS])
    assert np.array_equal(
        np.trim_zeros(np.bincount(known), "b"), np.trim_zeros(tally.histograms[Part.AUTOSOME], "b")
    )
    for contig in LENGTHS:
        values = np.concatenate(
            [depth[contig][i.start : i.end] for i in INTERVALS if i.contig == contig]
        )
        found = tally.groups[contig, Part.AUTOSOME]
        assert (found.length, found.bases) == (len(values), values.sum())
        assert found.at_least.tolist() == [(values >= least).sum() for least in BREADTHS]
    for target, (gene, region, found) in zip(TARGETS, tally.targets, strict=True):
        inside = target.interval
        values = depth[inside.contig][inside.start : inside.end]
        assert (gene, region) == (target.gene, target.region)
        assert (found.length, found.bases) == (len(values), values.sum())
        assert found.at_least.tolist() == [(values >= least).sum() for least in BREADTHS]


def deep_read(position: int, name: str) -> pysam.AlignedSegment:
    read = pysam.AlignedSegment(pysam.AlignmentHeader.from_dict(HEADER))
    read.query_name, read.cigarstring, read.mapping_quality = name, "30M", 60
    read.query_sequence, read.query_qualities = "A" * 30, [37] * 30
    read.reference_id, read.reference_start = 0, position
    return read


def test_no_overlap_is_lost_at_great_depth(fasta: Path, tmp_path: Path) -> None:
    """20,000 pairs at one place are more than the table of names holds at first."""
    reads = [deep_read(0, f"pair{number}") for number in range(20_000)]
    mates = [deep_read(10, f"pair{number}") for number in range(20_000)]
    tally = tallied(stream(reads + mates, tmp_path / "deep.bam"), fasta, 1 << 20)
    assert tally.groups["chr1", Part.AUTOSOME].bases == 40 * 20_000
    assert np.flatnonzero(tally.histograms[Part.AUTOSOME]).tolist() == [0, 20_000]


def test_a_stream_that_is_cut_short_or_unsorted_is_refused(fasta: Path, tmp_path: Path) -> None:
    whole = stream([deep_read(5, "a"), deep_read(9, "b")], tmp_path / "whole.bam")
    for short in (whole[:40], whole[: len(whole) - 60], b""):
        with pytest.raises(AlignmentError, match="cut short"):
            tallied(short, fasta, 1 << 20)
    with pytest.raises(AlignmentError, match="not an uncompressed BAM"):
        tallied(b"CRAM" * 20, fasta, 1 << 20)
    path = tmp_path / "unsorted.bam"
    with pysam.AlignmentFile(str(path), "wb0", header=HEADER) as file:
        file.write(deep_read(9, "b"))
        file.write(deep_read(5, "a"))
    with pytest.raises(AlignmentError, match="not sorted"):
        tallied(path.read_bytes(), fasta, 1 << 20)


def test_another_reference_is_refused(fasta: Path, tmp_path: Path) -> None:
    data = stream([deep_read(5, "a")], tmp_path / "reads.bam")
    other = Regions([Contig("chr1", 400, Role.AUTOSOME)], INTERVALS[:1], ())
    with pytest.raises(AlignmentError, match="align to this reference"):
        Counter(other, fasta).read(io.BytesIO(data), 1 << 20)
    with pytest.raises(WgsError, match="not in the reference"):
        Counter(Regions(other.contigs, INTERVALS, ()), fasta)


def test_a_truncated_file_is_refused(fasta: Path, tmp_path: Path) -> None:
    """The tool that decodes fails, and the statistics of half a file are not left behind."""
    path = tmp_path / "reads.bam"
    stream([deep_read(number // 500, f"r{number}") for number in range(20_000)], path)
    subprocess.run(["samtools", "view", "-b", "-o", tmp_path / "packed.bam", path], check=True)
    packed = (tmp_path / "packed.bam").read_bytes()
    short, stats = tmp_path / "short.bam", tmp_path / "stats.txt"
    short.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(WgsError, match="samtools view"):
        tally_alignment(short, fasta, regions(), stats, 1)
    assert not stats.exists()
    tally_alignment(tmp_path / "packed.bam", fasta, regions(), stats, 1)
    assert "SN\tsequences:\t20000" in stats.read_text()


@pytest.mark.parametrize("content", [None, b"not an alignment"])
def test_a_file_that_is_none_is_named(fasta: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "wrong.cram"
    if content:
        path.write_bytes(content)
    with pytest.raises(WgsError, match=r"samtools view .*wrong\.cram exited with 1"):
        tally_alignment(path, fasta, regions(), tmp_path / "stats.txt", 1)
    assert not (tmp_path / "stats.txt").exists()
