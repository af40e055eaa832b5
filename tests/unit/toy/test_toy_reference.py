import numpy as np
import pytest

from wgs_pipeline.toy.nucleotides import decode, encode, reverse_complement
from wgs_pipeline.toy.reference import AUTOSOMES, fasta, make_reference, runs, widen


@pytest.fixture(scope="module")
def reference():
    return make_reference(seed=1)


def test_has_the_contigs_of_a_genome_and_at_least_300_kb(reference):
    assert list(reference.contigs) == ["chr1", "chr2", "chrX", "chrY", "chrM"]
    assert reference.length >= 300_000


def test_scale_shrinks_it():
    assert 60_000 < make_reference(1, 0.2).length < 80_000


def test_x_and_y_share_the_par_and_y_hides_it(reference):
    x, y, end = reference.contigs["chrX"], reference.contigs["chrY"], reference.par_end
    assert decode(x.complete[:end]) == decode(y.complete[:end])
    assert set(decode(y.codes[:end])) == {"N"}
    assert set(decode(x.codes[reference.par_start : end])) == set("ACGT")
    assert decode(x.complete[end : end + 200]) != decode(y.complete[end : end + 200])
    assert [(p.contig, p.start, p.end) for p in reference.par] == [
        ("chrX", reference.par_start, end),
        ("chrY", reference.par_start, end),
    ]


@pytest.mark.parametrize("name", [*AUTOSOMES, "chrX", "chrY"])
def test_n_runs_stand_at_both_ends_and_in_the_middle(reference, name):
    contig = reference.contigs[name]
    hidden = runs(contig.hidden)
    assert len(hidden) == 3
    assert hidden[0][0] == 0
    assert hidden[-1][1] == contig.length


def test_gc_is_that_of_people_and_varies_along_the_contig(reference):
    gc = np.isin(reference.contigs["chr1"].complete, [1, 2])
    windows = gc[: len(gc) // 1000 * 1000].reshape(-1, 1000).mean(axis=1)
    assert 0.39 < gc.mean() < 0.43
    # Independent draws would spread by sqrt(0.41 * 0.59 / 1000) = 0.016.
    assert windows.std() > 0.03


def test_cpg_is_depleted(reference):
    codes = reference.contigs["chr1"].complete
    observed = np.mean((codes[:-1] == 1) & (codes[1:] == 2))
    assert observed < 0.5 * np.mean(codes == 1) * np.mean(codes == 2)


def test_has_homopolymers_strs_and_duplicates(reference):
    text = decode(reference.contigs["chr1"].codes)
    assert any(base * 10 in text for base in "ACGT")
    assert any(unit * 8 in text for unit in ("AC", "AG", "AT", "CA", "CT", "GA", "GT", "TA"))
    repeats = np.concatenate([contig.repeats for contig in reference.contigs.values()])
    assert 0.03 < repeats.mean() < 0.15


def test_genes_are_free_of_n_and_of_repeats(reference):
    for gene in reference.genes:
        contig = reference.contigs[gene.contig]
        assert not (contig.hidden | contig.repeats)[gene.start : gene.end].any()


def test_fasta_says_every_contig(reference):
    records = dict(
        (record.split("\n", 1)[0], record.split("\n", 1)[1].replace("\n", ""))
        for record in fasta(reference).split(">")[1:]
    )
    assert records == {name: decode(c.codes) for name, c in reference.contigs.items()}


def test_same_seed_same_reference_other_seed_other_reference():
    assert fasta(make_reference(3, 0.1)) == fasta(make_reference(3, 0.1))
    assert fasta(make_reference(3, 0.1)) != fasta(make_reference(4, 0.1))


def test_reverse_complement():
    assert decode(reverse_complement(encode("AACGT"))) == "ACGTT"


def test_widen_extends_runs_and_stops_at_the_ends():
    mask = np.array([0, 1, 0, 0, 0, 0, 0, 1, 1, 0], dtype=bool)
    assert widen(mask, 2).astype(int).tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1, 1]
    assert not widen(np.zeros(5, dtype=bool), 3).any()
