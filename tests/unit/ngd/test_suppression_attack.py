"""An attacker who knows every answer, old and new, tries every count that fits what is shown.

The attacker knows the rules, how many persons each release is of, and all rows of all projects;
not how many have left, which is drawn. For small cohorts all genotypes that a cohort could have
are tried: where a count of 1 to 4 persons is the same in all that fit the same answers, the
attacker has it, and the test fails. The solver shares nothing with the package but the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from export_builders import Study, write_project
from hypothesis import given, settings
from hypothesis import strategies as st
from ngd_random import CONTIGS
from numpy.typing import NDArray
from pyroaring import FrozenBitMap as Set

from wgs_pipeline import ngd
from wgs_pipeline.ngd.release import Draw, published, succeeding
from wgs_pipeline.ngd.suppression import Suppression

Counts = NDArray[np.int64]
SHOWN = ("AC", "AN", "AF", "n_het", "n_hom", "n_hemi")


def cells(persons: int) -> Counts:
    """Every (n_het, n_hom) that so many persons can have."""
    return np.array(
        [(het, hom) for het in range(persons + 1) for hom in range(persons + 1 - het)], np.int64
    )


def every(*parts: Counts) -> list[Counts]:
    """Every combination of rows of some tables."""
    places = np.indices([len(part) for part in parts]).reshape(len(parts), -1)
    return [part[place] for part, place in zip(parts, places, strict=True)]


def shown(
    het: Counts, hom: Counts, hemi: Counts, two: Counts, one: Counts, *,
    positions: Counts | None = None, minimum: int = 5,
) -> Counts:  # fmt: skip
    """What is shown of sites, as a number for each distinct row."""
    alleles, number = het + 2 * hom + hemi, 2 * two + one
    table = pa.table({
        "pos": np.arange(len(het)) if positions is None else positions,
        "AC": alleles, "AN": number, "AF": alleles / np.maximum(number, 1),
        "n_het": het, "n_hom": hom, "n_hemi": hemi, "one_copy": one, "two_copies": two,
    })  # fmt: skip
    rows = Suppression(minimum).apply(table)
    codes = [rows[name].combine_chunks().dictionary_encode("encode").indices for name in SHOWN]
    return joint(*(np.asarray(each).astype(np.int64) for each in codes))


def joint(*codes: Counts) -> Counts:
    """One number for each distinct combination of what is seen."""
    result = np.zeros(len(codes[0]), np.int64)
    for code in codes:
        result = np.unique(result * (int(code.max()) + 1) + code, return_inverse=True)[1]
    return result


def told(seen: Counts, counts: dict[str, Counts], asked: NDArray[np.bool_] | None = None) -> list:
    """Counts of 1 to 4 that are the same wherever the same is seen: name and place of each.

    Args:
        seen: What the attacker sees of each possibility.
        counts: What the attacker would like to know of it.
        asked: Possibilities that are judged; the others are only alternatives to them.
    """
    order = np.argsort(seen, kind="stable")
    starts = np.flatnonzero(np.diff(seen[order], prepend=-1))
    judged = np.ones(len(seen), np.bool_) if asked is None else asked
    found = []
    for name, values in counts.items():
        low = np.minimum.reduceat(values[order], starts)
        high = np.maximum.reduceat(values[order], starts)
        known = (low == high) & (low > 0) & (low < 5)
        known &= np.logical_or.reduceat(judged[order], starts)
        found += [(name, int(order[start])) for start in starts[known]]
    return found


MINIMA = [(5,), (5, 10), (5, 6, 7, 12, 20)]
#: Genomes callable at a site, with two copies and with one. How many it is follows from AN, or
#: from other sites; but not where few are, since AN is hidden then.
CALLABLE = [
    *([(two, 0)] for two in range(5, 31)),
    *([pair] for pair in product((0, 5, 8, 11), (5, 8, 11))),
    [*product(range(8), range(8))],
]


@pytest.mark.parametrize("minima", MINIMA)
def test_no_small_count_of_one_site_is_told_by_its_row_in_all_projects(minima: Sequence[int]):
    """n_het + 2 n_hom + n_hemi = AC, AN - AC, AF, and the same row with several minima."""
    for possible in CALLABLE:
        sites = [_sites(two, one) for two, one in possible]
        het, hom, hemi, two, one = np.concatenate(sites).T
        seen = joint(*(shown(het, hom, hemi, two, one, minimum=n) for n in minima))
        counts = {"n_het": het, "n_hom": hom, "n_hemi": hemi, "carriers": het + hom + hemi,
                  "without, of two": two - het - hom, "without, of one": one - hemi}  # fmt: skip
        assert told(seen, counts) == [], possible


def _sites(two: int, one: int) -> Counts:
    """Every (n_het, n_hom, n_hemi) of a variant that someone carries, with the two numbers."""
    diploid, haploid = every(cells(two), np.arange(one + 1))
    rows = np.column_stack([diploid, haploid, np.full(len(haploid), two),
                            np.full(len(haploid), one)])  # fmt: skip
    return rows[rows[:, :3].any(axis=1)]


def test_no_small_count_is_told_by_other_alleles_of_the_position():
    """Copies of all alleles of a position are at most AN: what others leave bounds the hidden."""
    for two, number in ((11, 2), (15, 2), (8, 3), (10, 3)):
        alleles = every(*[cells(two)[1:]] * number)
        kept = sum(each[:, 0] + 2 * each[:, 1] for each in alleles) <= 2 * two
        alleles = [each[kept] for each in alleles]
        size = len(alleles[0])
        rows = np.stack(alleles, axis=1).reshape(-1, 2)
        ones = np.ones(len(rows), np.int64)
        seen = shown(rows[:, 0], rows[:, 1], 0 * ones, two * ones, 0 * ones,
                     positions=np.repeat(np.arange(size), number))  # fmt: skip
        seen = joint(*seen.reshape(size, number).T)
        counts = {f"{name} {n}": values for n, each in enumerate(alleles)
                  for name, values in (("het", each[:, 0]), ("hom", each[:, 1]),
                                       ("carriers", each.sum(axis=1)))}  # fmt: skip
        assert told(seen, counts) == [], (two, number)


def seen_of(members: Counts, persons: int) -> Counts:
    """What is shown of sets of so many persons with these (n_het, n_hom)."""
    distinct, place = np.unique(members @ [1000, 1], return_inverse=True)
    none, all_ = np.zeros(len(distinct), np.int64), np.full(len(distinct), persons)
    return shown(distinct // 1000, distinct % 1000, none, all_, none)[place]


def of_groups(**groups: Counts) -> dict[str, Counts]:
    """Every count of some groups of persons that someone might want to know."""
    return {
        f"{name} {what}": values
        for name, each in groups.items()
        for what, values in (("het", each[:, 0]), ("hom", each[:, 1]), ("all", each.sum(axis=1)))
    }


@lru_cache
def two_releases(first: int, second: int) -> tuple[Counts, dict[str, Counts], Counts]:
    """Every pair of releases of so many persons: what is seen of both, the counts, who left."""
    parts = []
    for left in range(5, 10):
        came = second - first + left
        if came >= 5 and left <= first:
            stayed, gone, new = every(cells(first - left), cells(left), cells(came))
            parts.append((stayed, gone, new, np.full(len(stayed), left)))
    stayed, gone, new, left = (np.concatenate(each) for each in zip(*parts, strict=True))
    seen = joint(seen_of(stayed + gone, first), seen_of(stayed + new, second))
    return seen, of_groups(first=stayed + gone, second=stayed + new, gone=gone, new=new), left


@pytest.mark.parametrize(("first", "second"), [(12, 12), (14, 14), (13, 15), (15, 13)])
def test_no_small_count_is_told_by_two_releases(first: int, second: int):
    """Not of either release, nor of those who left or came: any cohort, any genotypes."""
    seen, counts, left = two_releases(first, second)
    assert told(seen, counts, left <= 6) == []


def test_the_attacker_finds_what_live_counts_would_tell():
    """The same solver, where one person refuses and the counts follow: it has the person."""
    stayed, gone = every(cells(14), cells(1))
    seen = joint(seen_of(stayed + gone, 15), seen_of(stayed, 14))
    assert {name for name, _ in told(seen, of_groups(gone=gone))} == {
        "gone het", "gone hom", "gone all"
    }  # fmt: skip


_GENOTYPES = st.lists(st.integers(0, 2), min_size=30, max_size=30)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(_GENOTYPES, st.integers(12, 13), st.integers(5, 7), st.integers(0, 11), st.randoms())
def test_no_small_count_of_a_random_cohort_is_told(genotypes, persons, came, refusing, random):
    """Random cohorts through the real choice of who is in: before and after one person refuses."""
    key = random.randbytes(32)
    first = published(Set(range(persons)), [], Draw(key, 0))
    eligible = Set(range(persons + came)) - Set([refusing])
    second = succeeding(eligible, [first], Draw(key, 1))
    truth = np.array(genotypes)

    def counted(members: Set) -> tuple[int, int]:
        of = truth[np.array(sorted(members), np.int64)]
        return int((of == 1).sum()), int((of == 2).sum())

    seen, counts, left = two_releases(len(first), len(second))
    stated = of_groups(**{
        name: np.array([counted(members)])
        for name, members in {"first": first, "second": second, "gone": first - second,
                              "new": second - first}.items()
    })  # fmt: skip
    fits = np.all([counts[name] == value for name, value in stated.items()], axis=0)
    fits &= left == len(first - second)
    (code,) = set(seen[fits].tolist())
    for name, value in stated.items():
        if 0 < value[0] < 5:
            assert len(np.unique(counts[name][seen == code])) > 1, name


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = Study(tmp_path_factory.mktemp("attacked"), seed=5)
    block = "chr1 {} A <*> . END={} GT:GQ:MIN_DP 0/0:50:30"
    site = "chr1 {} A {},<*> . . GT:DP:GQ {}:30:50"
    for number in range(16):
        rare = "0/1" if number % 6 == 0 else "0/0"
        often = "0/1" if number % 2 == 0 else "0/0"
        both = "1/1" if number < 3 else "0/1" if number < 11 else "0/0"
        lines = [block.format(1, 9), site.format(10, "G,T", rare), site.format(11, "C", often),
                 site.format(12, "C", both), block.format(13, 40)]  # fmt: skip
        study.add(number, lines)
    study.compact()
    study.publish()
    return study


def test_a_row_is_the_same_however_it_is_asked_for(study: Study, tmp_path: Path):
    """Regions that overlap, one base, one variant, a gene, two projects, either purpose."""
    other = write_project(tmp_path / "other.yaml", id="p2")
    rng = Random(3)
    with ngd.open(study.path, "research", study.project) as database:
        whole = {
            (row["contig"], row["pos"], row["ref"], row["alt"]): row
            for contig in CONTIGS
            for row in database.region(contig).to_pylist()
        }
    shown = {row["AC"] for row in whole.values()}
    assert shown == {"<5", "8", "14"}
    assert {row["n_hom"] for row in whole.values()} == {"0", "withheld"}
    for purpose, project in (("research", other), ("statistics", study.project)):
        with ngd.open(study.path, purpose, project) as database:
            for contig, length in CONTIGS.items():
                low = rng.randint(1, length)
                for region in (f"{contig}:{low}-{length}", f"{contig}:1-{low}"):
                    for row in database.region(region).to_pylist():
                        assert whole[row["contig"], row["pos"], row["ref"], row["alt"]] == row
            for key, row in whole.items():
                name = "-".join(map(str, key))
                assert database.variant(name).to_pylist() == [row]
                bed = tmp_path / "gene.bed"
                bed.write_text(f"{key[0]}\t{key[1] - 1}\t{key[1]}\tG\n")
                answers = database.genes(bed).drop_columns("gene").to_pylist()
                assert row in answers
                assert database.region(f"{key[0]}:{key[1]}").to_pylist() == answers
    _, done = study.export("frequencies", frequencies_only=True)
    assert (done.release, done.variants) == (1, len(whole))
