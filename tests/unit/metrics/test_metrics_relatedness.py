"""KING-robust kinship against the formula by hand, against plink2, and on people made to be kin."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from people import People
from running import SHARED_DATA
from wgs_pipeline.metrics.relatedness import (
    FIRST_DEGREE,
    SAME_PERSON,
    SECOND_DEGREE,
    Kinship,
    Relation,
    kinship_blocks,
    kinship_of_one,
)

POPULATION = SHARED_DATA / "population-1kg-phase3-chr22"
MATRICES = arrays.arrays(
    np.int8, st.tuples(st.integers(2, 6), st.integers(1, 40)), elements=st.integers(-1, 2)
)


def by_hand(one, other):
    """Manichaikul et al. 2010, equation 11, site by site."""
    both = [(a, b) for a, b in zip(one, other, strict=True) if a >= 0 and b >= 0]
    het_one, het_other = (sum(pair[i] == 1 for pair in both) for i in (0, 1))
    both_het = sum(pair == (1, 1) for pair in both)
    opposite = sum(pair in ((0, 2), (2, 0)) for pair in both)
    fewest = min(het_one, het_other)
    if not fewest:
        return float("nan"), opposite, both_het, len(both)
    phi = (both_het - 2 * opposite) / (2 * fewest) + 0.5 - (het_one + het_other) / (4 * fewest)
    return phi, opposite, both_het, len(both)


def whole(matrix):
    blocks = list(kinship_blocks(matrix))
    names = ("kinship", "ibs0", "both_het", "sites")
    return [np.concatenate([getattr(block, name) for block in blocks]) for name in names]


@settings(deadline=None, max_examples=50)
@given(MATRICES)
def test_every_pair_is_as_the_formula_says(matrix):
    matrix = matrix.astype(np.int8)
    found = whole(matrix)
    for i, one in enumerate(matrix.tolist()):
        for j, other in enumerate(matrix.tolist()):
            expected = by_hand(one, other)
            np.testing.assert_allclose([each[i, j] for each in found], expected, rtol=1e-5)


def test_blocks_join_to_the_whole(monkeypatch):
    rng = np.random.default_rng(3)
    matrix = rng.integers(-1, 3, (23, 200)).astype(np.int8)
    in_one = whole(matrix)
    monkeypatch.setattr("wgs_pipeline.metrics.relatedness._BLOCK", 5)
    for one, other in zip(in_one, whole(matrix), strict=True):
        np.testing.assert_array_equal(one, other)
    first = kinship_of_one(matrix)
    assert [each.ibs0 for each in first] == in_one[1][0, 1:].tolist()


@pytest.fixture(scope="module")
def kin():
    """Grandparents, two siblings and a half-sibling, and one of them again with errors."""
    people = People(seed=5, n_sites=4000)
    for name in ("father", "mother", "second_mother", "stranger"):
        people.founder(name)
    people.child("son", "father", "mother")
    people.child("daughter", "father", "mother")
    people.child("half", "father", "second_mother")
    people.child("grandson", "son", "stranger")
    names = [*people.haplotypes, "again"]
    rows = [people.dosages(name) for name in people.haplotypes]
    again = people.dosages("son").copy()
    wrong = people.rng.random(len(again)) < 0.01
    again[wrong] = people.rng.integers(0, 3, wrong.sum())
    again[people.rng.random(len(again)) < 0.1] = -1
    return names, np.stack([*rows, again])


@pytest.mark.parametrize(
    ("one", "other", "relation", "kinship"),
    [
        ("son", "again", Relation.SAME, 0.49),
        ("son", "father", Relation.PARENT_CHILD, 0.25),
        ("mother", "daughter", Relation.PARENT_CHILD, 0.25),
        ("son", "daughter", Relation.SIBLINGS, 0.25),
        ("son", "half", Relation.SECOND, 0.125),
        ("father", "grandson", Relation.SECOND, 0.125),
        ("father", "mother", Relation.UNRELATED, 0),
        ("again", "stranger", Relation.UNRELATED, 0),
        ("again", "father", Relation.PARENT_CHILD, 0.25),
    ],
)
def test_relations_of_people_who_are_kin(kin, one, other, relation, kinship):
    names, matrix = kin
    (found,) = kinship_of_one(matrix[[names.index(one), names.index(other)]])
    assert found.relation is relation
    assert abs(found.kinship - kinship) < 0.03


def test_bounds_are_those_of_the_paper():
    assert np.round([SAME_PERSON, FIRST_DEGREE, SECOND_DEGREE], 4).tolist() == [
        0.3536, 0.1768, 0.0884,
    ]  # fmt: skip


def test_without_a_heterozygous_site_nothing_is_known():
    found = kinship_of_one(np.zeros((2, 10), np.int8))[0]
    assert np.isnan(found.kinship)
    assert found.relation is Relation.UNRELATED
    assert Kinship(0.25, 0, 0, 0).relation is Relation.PARENT_CHILD


@pytest.mark.skipif(not POPULATION.is_dir(), reason=f"no {POPULATION}")
def test_equals_plink2_on_real_people(tmp_path):
    """120 persons of the 1000 Genomes at 9,000 SNVs, to the digits that plink2 writes."""
    vcf = POPULATION / "1kg.phase3.chr22.16050075-16644646.vcf.gz"
    names = subprocess.run(
        ["bcftools", "query", "-l", vcf], check=True, capture_output=True, text=True
    ).stdout.split()[::20][:120]
    chosen, kept = tmp_path / "names", tmp_path / "kept.vcf.gz"
    chosen.write_text("\n".join(names) + "\n")
    snvs = ["-v", "snps", "-m2", "-M2", "-c1", "-Oz", "-o", kept]
    subprocess.run(["bcftools", "view", "-S", chosen, *snvs, vcf], check=True, capture_output=True)
    plink2 = [
        shutil.which("plink2"),
        "--vcf",
        kept,
        "--chr-set",
        "22",
        "--make-king-table",
        "counts",
    ]
    done = subprocess.run([*plink2, "--out", tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    text = subprocess.run(
        ["bcftools", "query", "-f", "[%GT\t]\n", kept], check=True, capture_output=True, text=True
    ).stdout
    codes = {"0|0": 0, "0|1": 1, "1|0": 1, "1|1": 2}
    dosages = np.array([[codes[gt] for gt in line.split()] for line in text.splitlines()], np.int8)
    kinship, ibs0, both_het, _ = whole(np.ascontiguousarray(dosages.T))
    lines = (tmp_path / "out.kin0").read_text().splitlines()
    columns = lines[0].lstrip("#").split()
    rows = [dict(zip(columns, line.split(), strict=True)) for line in lines[1:]]
    assert len(rows) == 120 * 119 // 2
    place = {name: row for row, name in enumerate(names)}
    for row in rows:
        i, j = place[row["IID1"]], place[row["IID2"]]
        assert kinship[i, j] == pytest.approx(float(row["KINSHIP"]), rel=6e-6, abs=2e-6)
        assert (ibs0[i, j], both_het[i, j]) == (int(row["IBS0"]), int(row["HETHET"]))
