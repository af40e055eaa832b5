import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.toy.haplotypes import apply
from wgs_pipeline.toy.nucleotides import decode, encode
from wgs_pipeline.toy.reference import make_reference
from wgs_pipeline.toy.sites import Sites, draw_sites, left_align, snv_alternates
from wgs_pipeline.toy.streams import stream

EXACT = settings(derandomize=True, deadline=None, database=None)
#: Two letters only, so that most indels can be shifted.
REPETITIVE = st.text("AC", min_size=6, max_size=40)


def replace_at(text, position, ref, alt):
    assert text[position : position + len(ref)] == ref
    return text[:position] + alt + text[position + len(ref) :]


@EXACT
@given(REPETITIVE, st.data())
def test_deletions_are_moved_to_the_leftmost_place_that_gives_the_same_sequence(text, data):
    text = "N" + text
    size = data.draw(st.integers(1, 4))
    start = data.draw(st.integers(1, len(text) - size))
    mutant = text[:start] + text[start + size :]
    places = range(1, len(text))
    leftmost = next(i for i in places if text[:i] + text[i + size :] == mutant)
    position, ref, alt = left_align(encode(text), start, size, "")
    assert replace_at(text, position, ref, alt) == mutant
    assert (position + 1, len(ref), len(alt)) == (leftmost, size + 1, 1)


@EXACT
@given(REPETITIVE, st.text("AC", min_size=1, max_size=5), st.data())
def test_insertions_are_moved_to_the_leftmost_place_that_gives_the_same_sequence(
    text, inserted, data
):
    text = "N" + text
    start = data.draw(st.integers(1, len(text)))
    mutant = text[:start] + inserted + text[start:]
    places = range(1, len(text) + 1)
    leftmost = next(
        i for i in places if mutant[:i] == text[:i] and mutant[i + len(inserted) :] == text[i:]
    )
    position, ref, alt = left_align(encode(text), start, 0, inserted)
    assert replace_at(text, position, ref, alt) == mutant
    assert (position + 1, len(ref), len(alt)) == (leftmost, 1, len(inserted) + 1)


@st.composite
def sequences_with_sites(draw):
    """A sequence and sites that do not touch."""
    text = draw(st.text("ACGT", min_size=1, max_size=60))
    positions, refs, alts, at = [], [], [], draw(st.integers(0, 5))
    while at < len(text):
        kind = draw(st.sampled_from(["snv", "insertion", "deletion"]))
        ref, alt = text[at], text[at]
        if kind == "snv":
            alt = draw(st.sampled_from(sorted(set("ACGT") - {ref})))
        elif kind == "insertion":
            alt += draw(st.text("ACGT", min_size=1, max_size=4))
        else:
            ref = text[at : at + draw(st.integers(2, 5))]
        if ref != alt:
            positions.append(at)
            refs.append(ref)
            alts.append(alt)
        at += len(ref) + draw(st.integers(0, 6))
    width = "U21"
    sites = Sites(np.array(positions, np.int64), np.array(refs, width), np.array(alts, width))
    return text, sites


@EXACT
@given(sequences_with_sites())
def test_apply_equals_replacement_from_the_end(case):
    text, sites = case
    expected = text
    for row in reversed(range(len(sites))):
        expected = replace_at(expected, sites.positions[row], sites.refs[row], sites.alts[row])
    assert decode(apply(encode(text), sites)) == expected


def test_clear_of_drops_a_deletion_across_a_boundary():
    refs = np.array(["AC", "A", "AC", "AC"], "U21")
    sites = Sites(np.array([7, 9, 9, 10]), refs, np.array(["A", "C", "A", "A"], "U21"))
    kept = sites.clear_of(10)
    assert kept.positions.tolist() == [7, 9, 10]
    assert kept.refs.tolist() == ["AC", "A", "AC"]


def test_drawn_sites_are_sorted_apart_and_clear_of_n():
    contig = make_reference(2, 0.5).contigs["chr1"]
    sites = draw_sites(contig, stream(2, "sites"))
    text = decode(contig.codes)
    assert (sites.positions[1:] - sites.ends[:-1] >= 20).all()
    for position, ref in zip(sites.positions, sites.refs, strict=True):
        assert text[position : position + len(ref)] == ref
        assert "N" not in text[position - 20 : position + len(ref) + 20]
    sizes = np.char.str_len(sites.alts) - np.char.str_len(sites.refs)
    assert (sizes > 0).any()
    assert (sizes < 0).any()
    assert np.abs(sizes).max() <= 20


def test_snvs_replace_a_base_by_another_and_prefer_transitions():
    refs = np.tile(np.arange(4, dtype=np.uint8), 5000)
    alts = snv_alternates(refs, stream(1, "snv"))
    assert (alts != refs).all()
    assert alts.max() < 4
    pairs = {frozenset("AG"), frozenset("CT")}
    transitions = sum(
        frozenset((a, b)) in pairs for a, b in zip(decode(refs), decode(alts), strict=True)
    )
    assert 1.9 < transitions / (len(refs) - transitions) < 2.4
