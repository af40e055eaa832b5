import gzip
import hashlib
import re

import numpy as np
import pytest

from wgs_pipeline.toy.fastq import draw_clusters, render, write_lane
from wgs_pipeline.toy.fragments import (
    READ_LENGTH,
    Fragments,
    draw_fragments,
    lay_template,
    spread_over_lanes,
)
from wgs_pipeline.toy.haplotypes import Molecule
from wgs_pipeline.toy.nucleotides import decode, encode
from wgs_pipeline.toy.people import LANES
from wgs_pipeline.toy.reads import Reads, add_errors, copy_ends, draw_qualities
from wgs_pipeline.toy.streams import stream

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def bases(length, seed=1):
    return stream(seed, "bases").integers(0, 4, length, dtype=np.uint8)


def fragments_of(starts, lengths, reverse):
    starts, lengths = np.array(starts), np.array(lengths)
    return Fragments(starts, starts + lengths, lengths, np.array(reverse))


def test_reads_are_the_ends_of_the_fragment_facing_each_other():
    template = bases(1000)
    text = decode(template)
    first, second = copy_ends(template, fragments_of([100, 100], [400, 400], [False, True]))
    left, right = text[100:250], text[350:500].translate(COMPLEMENT)[::-1]
    assert [decode(row) for row in first] == [left, right]
    assert [decode(row) for row in second] == [right, left]


def test_a_short_fragment_runs_into_the_adapters():
    template = bases(1000)
    text = decode(template)[10:70]
    first, second = copy_ends(template, fragments_of([10], [60], [False]))
    assert decode(first[0]).startswith(text + "AGATCGGAAGAGCACACGTCTGAACTCCAGTCA")
    reverse = text.translate(COMPLEMENT)[::-1]
    assert decode(second[0]).startswith(reverse + "AGATCGGAAGAGCGTCGTGTAGGGAAAGAGTGT")
    assert len(decode(first[0])) == READ_LENGTH


@pytest.mark.parametrize("quality", [12, 23])
def test_errors_come_at_the_rate_of_the_quality(quality):
    truth = bases(3_000_000).reshape(-1, 150)
    read = add_errors(truth, np.full(truth.shape, quality, np.uint8), stream(1, "errors"))
    rate = 10 ** (-quality / 10)
    wrong = read != truth
    spread = np.sqrt(rate * (1 - rate) / truth.size)
    assert abs(wrong.mean() - rate) < 5 * spread
    kinds = np.bincount((read[wrong].astype(int) - truth[wrong]) % 4, minlength=4)
    assert kinds[0] == 0
    assert kinds[1:].min() > 0.9 * kinds[1:].mean()


def test_bases_of_quality_2_are_not_called():
    truth = np.zeros((1, 150), dtype=np.uint8)
    quality = np.full(truth.shape, 37, np.uint8)
    quality[0, 5] = 2
    read = add_errors(truth, quality, stream(1, "errors"))
    assert np.flatnonzero(read == 4).tolist() == [5]


@pytest.mark.parametrize("mate", [0, 1])
def test_qualities_are_binned_high_and_fall_along_the_read(mate):
    quality = draw_qualities(20_000, mate, stream(1, "qualities"))
    assert set(np.unique(quality)) == {2, 12, 23, 37}
    assert (quality >= 30).mean() > 0.85
    by_cycle = quality.mean(axis=0)
    assert by_cycle[20:40].mean() > by_cycle[-20:].mean() + 0.5
    by_read = (quality < 30).mean(axis=1)
    # Independent bases would spread by sqrt(0.07 * 0.93 / 150) = 0.02.
    assert by_read.std() > 0.03


def test_read_2_is_worse():
    first, second = (draw_qualities(20_000, mate, stream(1, "q")).mean() for mate in (0, 1))
    assert first > second


def test_fragments_stay_on_their_molecule_and_give_the_asked_depth():
    copies = [Molecule("chr1", bases(40_000)), Molecule("chr1", bases(40_000))]
    fragments = draw_fragments(copies, 30, stream(1, "fragments"))
    assert len(fragments) * 2 * READ_LENGTH / 40_000 == pytest.approx(30, abs=0.02)
    assert fragments.starts.min() >= 0
    assert fragments.ends.max() <= 80_000
    paired = fragments.ends - fragments.starts == fragments.lengths
    assert 0.99 < paired.mean() < 1
    own = fragments.take(np.flatnonzero(paired))
    assert (own.starts // 40_000 == (own.ends - 1) // 40_000).all()
    assert np.median(own.lengths) == pytest.approx(400, abs=5)
    assert own.lengths[own.lengths > 160].std() == pytest.approx(50, abs=4)
    assert 0.4 < own.reverse.mean() < 0.6
    assert 0 < (own.lengths < READ_LENGTH).mean() < 0.01


def test_fragments_of_a_ring_cross_its_origin_and_are_ten_times_as_deep():
    ring = Molecule("chrM", bases(2_000), circular=True)
    fragments = draw_fragments([ring], 30, stream(1, "fragments"))
    assert len(fragments) == 300 * 2_000 // 300
    assert (fragments.ends > 2_000).any()
    template = decode(lay_template([ring]))
    assert template == decode(ring.codes) + decode(ring.codes)[:700]


def test_duplicates_stay_within_their_library():
    libraries, shares = ["A", "A", "B"], [0.35, 0.35, 0.3]
    lanes = spread_over_lanes(10_000, libraries, shares, stream(1, "lanes"))
    in_a, in_b = np.concatenate(lanes[:2]), lanes[2]
    assert set(in_a) | set(in_b) == set(range(10_000))
    assert not set(in_a) & set(in_b)
    for rows in (in_a, in_b):
        times = np.bincount(rows)
        assert times.max() == 2
        assert (times == 2).sum() / len(rows) == pytest.approx(0.02, abs=0.001)
    assert [len(rows) / 10_000 for rows in lanes] == pytest.approx(shares, abs=0.03)


def test_clusters_are_distinct_and_in_scanning_order():
    clusters = draw_clusters(50_000, stream(1, "clusters"))
    rows = [tuple(row) for row in clusters.tolist()]
    assert rows == sorted(set(rows))
    assert clusters.min(axis=0).tolist() >= [1101, 10_000, 10_000]
    assert clusters.max(axis=0).tolist() <= [9999, 99_999, 99_999]


def test_records_are_fastq_with_illumina_names():
    sequence = "ACGTN" * 30
    reads = Reads(encode(sequence)[np.newaxis], np.full((1, 150), 37, np.uint8))
    record = render(LANES[2], 2, np.array([[1101, 12_345, 23_456]]), reads).decode()
    name = "@SYN01:1:HSYN2DSXX:1:1101:12345:23456 2:N:0:TCCGGAGA"
    assert record == f"{name}\n{sequence}\n+\n{'F' * 150}\n"


def test_a_lane_has_mates_in_the_same_order_and_always_the_same_bytes(tmp_path):
    template = bases(5_000)
    fragments = draw_fragments([Molecule("chr1", template)], 60, stream(1, "fragments"))
    sums = []
    for name in ("a", "b"):
        paths = tmp_path / f"{name}_1.gz", tmp_path / f"{name}_2.gz"
        write_lane(paths, LANES[0], template, fragments, stream(1, "lane"))
        sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert sums[0] == sums[1]
    for path in paths:
        # RFC 1952: no optional fields (a name would be one), and no time.
        assert path.read_bytes()[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
    first, second = (gzip.decompress(path.read_bytes()).decode().split("\n") for path in paths)
    names_1, names_2 = ([line.split()[0] for line in x[:-1:4]] for x in (first, second))
    assert names_1 == names_2
    assert len(set(names_1)) == len(fragments)
    assert all(re.fullmatch(r"@[A-Z0-9]+:\d+:[A-Z0-9]+:\d:\d{4}:\d+:\d+", n) for n in names_1)
