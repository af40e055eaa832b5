"""The benchmark's comparison of haplotypes: the same said otherwise is the same."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

# The benchmark is no part of the package.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.accuracy.haplotypes import Variant, match, score, trim

sys.path.pop(0)

SEQUENCE = "ACGTTTTTTGACCAGTCATCAGGGATTACAGCTTACGGATCCATTG" * 4
WHOLE = [(0, len(SEQUENCE))]


def scores(truth, query):
    return score(truth, query, SEQUENCE, WHOLE)


def variants(*alleles):
    return [v for start, ref, alt, copies in alleles for v in trim(start, ref, alt, copies)]


def test_trim():
    assert trim(3, "TT", "T", 1) == (Variant(3, "T", "", 1),)
    assert trim(0, "ACG", "TCC", 2) == (Variant(0, "A", "T", 2), Variant(2, "G", "C", 2))
    assert trim(0, "A", "AC", 1) == (Variant(1, "", "C", 1),)


def test_a_deletion_of_a_run_is_the_same_anywhere_in_it():
    for at in range(3, 9):
        found = scores([Variant(3, "T", "", 1)], [Variant(at, "T", "", 1)])
        assert (found["indel"].found, found["indel"].false) == (1, 0)


def test_two_insertions_of_one_base_are_one_of_two():
    truth = [Variant(3, "", "TT", 2)]
    query = [Variant(3, "", "T", 2), Variant(6, "", "T", 2)]
    found = scores(truth, query)["indel"]
    assert (found.found, found.missed, found.true, found.false) == (1, 0, 2, 0)


def test_a_wrong_genotype_has_the_allele_only():
    found = scores([Variant(12, "C", "T", 1)], [Variant(12, "C", "T", 2)])["snv"]
    assert (found.found, found.missed, found.false, found.alleles) == (0, 1, 1, 1)


def test_a_false_call_beside_a_true_one():
    found = scores(variants((10, "A", "G", 1)), variants((10, "A", "G", 1), (12, "C", "T", 1)))
    assert (found["snv"].true, found["snv"].false, found["snv"].missed) == (1, 1, 0)


def test_two_alleles_at_one_place_need_two_haplotypes():
    truth = [Variant(10, "A", "C", 1), Variant(10, "A", "G", 1)]
    assert scores(truth, truth)["snv"].found == 2
    assert scores(truth, [Variant(10, "A", "C", 2)])["snv"].found == 0


def test_what_lies_outside_does_not_count():
    found = score([Variant(10, "A", "C", 1)], [Variant(40, "A", "G", 1)], SEQUENCE, [(0, 5)])
    assert found["snv"].missed == found["snv"].false == 0


@st.composite
def person(draw):
    """Variants that do not touch one another, with the text of both haplotypes."""
    starts = sorted(draw(st.sets(st.integers(1, len(SEQUENCE) // 6 - 2), max_size=10)))
    found = []
    for start in (6 * each for each in starts):
        ref = SEQUENCE[start]
        alt = draw(st.sampled_from([*(set("ACGT") - {ref}), "", ref + "TT"]))
        found += trim(start, ref, alt, draw(st.integers(1, 2)))
    return sorted(found)


@settings(max_examples=60, deadline=None)
@given(person())
def test_everybody_is_like_themselves(own):
    matched = match(own, own, SEQUENCE)
    assert matched.truth == matched.query == set(own)


@settings(max_examples=60, deadline=None)
@given(person(), st.data())
def test_what_is_left_out_is_missed(own, data):
    kept = [each for each in own if data.draw(st.booleans())]
    found = scores(own, kept)
    assert sum(each.missed for each in found.values()) <= len(own) - len(kept)
    assert sum(each.found for each in found.values()) >= len(kept)
    assert sum(each.false for each in found.values()) == 0
