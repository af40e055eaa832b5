"""What the benchmark loads is what msprime's trees say."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("msprime", reason="needs the extra 'bench': pip install '.[bench]'")

PERSONS, LENGTH = 12, 30_000


@pytest.fixture
def bench(monkeypatch):
    """The benchmark's modules, which are no part of the package."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
    from benchmarks.ngd import callability, cohort, genomes, project

    return callability, cohort, genomes, project


def copies_by_site(trees):
    """Persons' copies of each allele that is not the reference haplotype's, from the matrix."""
    expected = {}
    matrix = trees.genotype_matrix()
    for site, haplotypes in zip(trees.sites(), matrix, strict=True):
        reference = haplotypes[2 * PERSONS]
        pairs = haplotypes[: 2 * PERSONS].reshape(PERSONS, 2)
        for allele in set(haplotypes.tolist()) - {int(reference)}:
            for person, copies in enumerate((pairs == allele).sum(axis=1).tolist()):
                if copies:
                    key = (person, int(site.position) + 1)
                    expected.setdefault(key, []).append(copies)
    return {key: sorted(copies) for key, copies in expected.items()}


def simulated(cohort, **rates):
    scenario = cohort.Scenario(PERSONS, LENGTH, seed=5, dropped=0, flipped=0, **rates)
    trees = cohort.tree_sequence(scenario)
    return trees, cohort.extract(trees, scenario)


def test_shards_are_what_the_trees_say(bench, tmp_path):
    from wgs_pipeline.ngd.shard import Analysis, read_callable, read_variants
    from wgs_pipeline.ngd.shard_keys import WaitingKeys
    from wgs_pipeline.ngd.shard_writer import write_contigs
    from wgs_pipeline.vault import Vault

    callability, cohort, genomes, project = bench
    trees, people = simulated(cohort, private_per_kb=0)
    model = callability.Callability.build(LENGTH, callability.BCFTOOLS, 1)
    place = project.make_place(tmp_path / "made", people, np.array([3]))
    batch = genomes.make_batch(people, model, 0, PERSONS, seed=2)
    expected = copies_by_site(trees)
    found = {}
    for person in batch.persons:
        contigs = [batch.contig(person)]
        digest = write_contigs(place.open(), contigs, Analysis("XX"), left_aligned=True)
        root = place.open()
        with Vault(root.vault) as vault:
            root = root.unlocked(WaitingKeys(root, vault))
            calls = read_variants(root, digest).to_pylist()
            runs = read_callable(root, digest).to_pylist()
        for call in calls:
            found.setdefault((person, call["pos"]), []).append(call["kind"])
            inside = any(run["start"] < call["pos"] <= run["end"] for run in runs)
            assert call["passed"] == inside
            assert call["passed"] == (call["dp"] >= 10 and call["gq"] >= 20)
    assert len(expected) > 200
    assert {key: sorted(kinds) for key, kinds in found.items()} == expected


def test_variants_are_trimmed_left_aligned_and_spelt_once(bench):
    _, cohort, _, _ = bench
    _, people = simulated(cohort, indels=0.5)
    rows = people.variants.to_pylist()
    spelt = [(row["pos"], row["ref"], row["alt"]) for row in rows]
    assert spelt == sorted(set(spelt))
    text = people.sequence.tobytes().decode()
    for pos, ref, alt in spelt:
        assert text[pos - 1 : pos - 1 + len(ref)] == ref
        assert ref != alt
        assert min(len(ref), len(alt)) == 1
        assert ref[-1] != alt[-1]  # otherwise it could be trimmed, or moved to the left
    assert {len(ref) == len(alt) for _, ref, alt in spelt} == {True, False}


def test_errors_drop_and_flip_genotypes_at_their_rates(bench):
    _, cohort, _, _ = bench
    trees, true = simulated(cohort, private_per_kb=0, indels=0)
    scenario = cohort.Scenario(
        PERSONS, LENGTH, seed=5, private_per_kb=0, indels=0, dropped=0.2, flipped=0.3
    )
    seen = cohort.extract(trees, scenario)
    kept = len(seen.rows) / len(true.rows)
    assert 0.7 < kept < 0.9
    kinds = {(p, r): k for p, r, k in calls_of(true)}
    flips = [kinds[person, row] != kind for person, row, kind in calls_of(seen)]
    assert 0.25 < np.mean(flips) < 0.5


def test_the_first_persons_of_a_cohort_keep_their_calls(bench):
    _, cohort, _, _ = bench
    _, people = simulated(cohort)
    assert calls_of(people.first(5)) == [each for each in calls_of(people) if each[0] < 5]


def calls_of(people):
    persons = np.repeat(np.arange(people.persons), np.diff(people.offsets))
    columns = (persons, people.rows, people.kinds)
    return list(zip(*(each.tolist() for each in columns), strict=True))


@pytest.mark.parametrize("name", ["BCFTOOLS", "GATK"])
def test_callable_runs_have_the_measured_density(bench, name):
    callability, _, _, _ = bench
    lengths = getattr(callability, name)
    model = callability.Callability.build(200_000, lengths, 1)
    drawn = model.draw(100, 9)
    assert model.runs_per_mb(drawn) == pytest.approx(lengths.runs_per_mb, rel=0.1)
    for bases in drawn:
        assert bases.starts[0] >= 0
        assert bases.ends[-1] <= 200_000
        assert (bases.starts < bases.ends).all()
        assert (bases.ends[:-1] < bases.starts[1:]).all()
    missing = [1 - (bases.ends - bases.starts).sum() / 200_000 for bases in drawn]
    assert 0 < np.mean(missing) < 0.05
