"""The truth files against the molecules that the reads come from, and against bcftools."""

import shutil
import subprocess

import numpy as np
import pysam
import pytest

from wgs_pipeline.toy.haplotypes import molecules
from wgs_pipeline.toy.inheritance import Transmission, draw_transmission
from wgs_pipeline.toy.nucleotides import decode
from wgs_pipeline.toy.people import FATHER, MOTHER, PEOPLE, PROBAND
from wgs_pipeline.toy.streams import stream

FATHERS, MOTHERS = 0, 1


@pytest.fixture(scope="module")
def records(project):
    with pysam.VariantFile(str(project.folder / "truth" / "truth.vcf.gz")) as vcf:
        return [
            (r.chrom, r.pos, r.ref, r.alts[0], [r.samples[p.sample_id]["GT"] for p in PEOPLE])
            for r in vcf
        ]


@pytest.fixture(scope="module")
def genome(project):
    text = (project.folder / "reference" / "toy.fa").read_text()
    return {r.split("\n")[0]: "".join(r.split("\n")[1:]) for r in text.split(">")[1:]}


@pytest.fixture(scope="module")
def par_end(project):
    x, y = (project.folder / "reference" / "par.bed").read_text().splitlines()
    assert x.split("\t")[1:] == y.split("\t")[1:]
    return int(x.split("\t")[2])


def apply_text(sequence, variants):
    for position, ref, alt in sorted(variants, reverse=True):
        assert sequence[position - 1 : position - 1 + len(ref)] == ref
        sequence = sequence[: position - 1] + alt + sequence[position - 1 + len(ref) :]
    return sequence


def carried(records, contig, person, index, ploidy=2):
    """Variants that a person has at ``index`` of the genotypes of this ploidy."""
    return [
        (pos, ref, alt)
        for chrom, pos, ref, alt, genotypes in records
        if chrom == contig and len(genotypes[person]) == ploidy and genotypes[person][index] == 1
    ]


def expected_molecules(records, genome, par_end, person):
    """Every chromosome copy of a person from the files alone, in the order of ``molecules``."""
    for contig in ("chr1", "chr2"):
        for copy in (FATHERS, MOTHERS):
            yield contig, apply_text(genome[contig], carried(records, contig, person, copy))
    on_x = [carried(records, "chrX", person, copy) for copy in (FATHERS, MOTHERS)]
    if PEOPLE[person].male:
        beyond_par = carried(records, "chrX", person, 0, ploidy=1)
        on_y = carried(records, "chrY", person, 0, ploidy=1)
        unmasked = genome["chrX"][:par_end] + genome["chrY"][par_end:]
        yield "chrX", apply_text(genome["chrX"], on_x[MOTHERS] + beyond_par)
        yield "chrY", apply_text(unmasked, on_x[FATHERS] + on_y)
    else:
        for variants in on_x:
            yield "chrX", apply_text(genome["chrX"], variants)


def expected_mitochondria(table, genome, person):
    """Share and bases of every kind of mitochondria of a person, from the table alone."""
    rows = (row.split("\t") for row in table.splitlines()[1:])
    mine = [(*variant.split("-"), float(share)) for name, variant, share in rows
            if name == PEOPLE[person].sample_id]  # fmt: skip
    variants = sorted((int(pos), ref, alt, share) for _, pos, ref, alt, share in mine)
    shares = sorted({share for *_, share in variants if share < 1})
    for share in [*shares, 1 - sum(shares)]:
        own = [(pos, ref, alt) for pos, ref, alt, of in variants if of in (share, 1)]
        yield share, apply_text(genome["chrM"], own)


@pytest.mark.parametrize("person", range(len(PEOPLE)))
def test_truth_applied_to_the_reference_is_what_the_reads_come_from(
    project, cohort, records, genome, par_end, person
):
    everything = molecules(cohort, person)
    made = [molecule for molecule in everything if not molecule.circular]
    expected = list(expected_molecules(records, genome, par_end, person))
    assert [molecule.contig for molecule in made] == [contig for contig, _ in expected]
    for molecule, (_, text) in zip(made, expected, strict=True):
        sequence = np.array(list(decode(molecule.codes)))
        known = np.array(list(text)) != "N"
        assert len(sequence) == len(known)
        assert (sequence == np.array(list(text)))[known].all()
    table = (project.folder / "truth" / "mitochondrion.tsv").read_text()
    rings = [(each.share, decode(each.codes)) for each in everything if each.circular]
    kinds = list(expected_mitochondria(table, genome, person))
    assert [share for share, _ in rings] == pytest.approx([share for share, _ in kinds])
    assert [bases for _, bases in rings] == [bases for _, bases in kinds]


def inherits(chrom, father, mother, child):
    if chrom == "chrY":
        return child == father
    if chrom == "chrM":
        return child == mother
    if len(child) == 1:
        return child[0] in mother
    return child[FATHERS] in father and child[MOTHERS] in mother


def test_only_the_de_novo_breaks_mendels_laws(cohort, records):
    broken = [
        (chrom, pos, ref, alt)
        for chrom, pos, ref, alt, g in records
        if not inherits(chrom, g[FATHER], g[MOTHER], g[PROBAND])
    ]
    de_novo = cohort.planted[0]
    assert de_novo.what == "de_novo"
    assert broken == [(de_novo.contig, de_novo.position + 1, de_novo.ref, de_novo.alt)]


def test_the_compound_heterozygote_is_in_trans_in_one_gene(project, records):
    lines = (project.folder / "truth" / "planted.tsv").read_text().splitlines()[1:]
    genes = {
        line.split("\t")[3]: line.split("\t")[:3]
        for line in (project.folder / "truth" / "genes.bed").read_text().splitlines()
    }
    genotypes = {f"{c}-{p}-{r}-{a}": g for c, p, r, a, g in records}
    planted = {what: (variant, gene) for variant, what, gene, _ in (x.split("\t") for x in lines)}
    assert list(planted) == ["de_novo", "compound_paternal", "compound_maternal"]
    for variant, gene in planted.values():
        contig, position, *_ = variant.split("-")
        assert genes[gene][0] == contig
        assert int(genes[gene][1]) < int(position) <= int(genes[gene][2])
    assert planted["compound_paternal"][1] == planted["compound_maternal"][1]
    paternal = genotypes[planted["compound_paternal"][0]]
    maternal = genotypes[planted["compound_maternal"][0]]
    assert paternal[PROBAND] == (1, 0)
    assert maternal[PROBAND] == (0, 1)
    assert [sum(g) for g in paternal] == [1, 1, 0, 0, 0]
    assert [sum(g) for g in maternal] == [1, 0, 1, 0, 0]
    assert genotypes[planted["de_novo"][0]] == [(1, 0), *[(0, 0)] * 4]


def test_ploidy(records, par_end):
    for chrom, pos, _, _, genotypes in records:
        for person, genotype in zip(PEOPLE, genotypes, strict=True):
            haploid = chrom == "chrM" or (
                person.male and (chrom == "chrY" or (chrom == "chrX" and pos > par_end))
            )
            if chrom == "chrY" and not person.male:
                assert genotype == (None,)
            else:
                assert len(genotype) == (1 if haploid else 2)
                assert None not in genotype
    assert {chrom for chrom, *_ in records} == {"chr1", "chr2", "chrX", "chrY", "chrM"}
    assert any(chrom == "chrX" and pos <= par_end for chrom, pos, *_ in records)


@pytest.mark.parametrize("name", ["truth", "toy_proband", "toy_mother"])
def test_bcftools_norm_changes_nothing(project, tool, tmp_path, name):
    # bcftools writes an index beside the FASTA.
    fasta = shutil.copy(project.folder / "reference" / "toy.fa", tmp_path)
    command = [
        *(tool("bcftools"), "norm", "-c", "e", "-m", "-any"),
        *("-f", fasta),
        project.folder / "truth" / f"{name}.vcf.gz",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    counts = run.stderr.split("skipped:")[1].split()[0].split("/")
    assert int(counts[0]) > 20
    assert counts[1:] == ["0", "0", "0"]


def test_truth_of_a_sample_is_its_column_where_it_carries_alt(project, records):
    person = PEOPLE[PROBAND]
    with pysam.VariantFile(str(project.folder / "truth" / f"{person.sample_id}.vcf.gz")) as vcf:
        own = [(r.chrom, r.pos, r.ref, r.alts[0], r.samples[0]["GT"]) for r in vcf]
    expected = [(*site, g[PROBAND]) for *site, g in records if 1 in g[PROBAND]]
    assert own == expected


def test_without_analysis_consent_there_is_no_truth_of_the_sample(project):
    names = {path.name for path in (project.folder / "truth").glob("*.vcf.gz")}
    assert names == {"truth.vcf.gz"} | {f"{p.sample_id}.vcf.gz" for p in PEOPLE if p.analysed}
    assert sum(not person.analysed for person in PEOPLE) == 1


def test_confident_regions_hold_no_n(project, genome):
    lines = (project.folder / "truth" / "confident.bed").read_text().splitlines()
    intervals = [line.split("\t") for line in lines]
    assert sum(int(end) - int(start) for _, start, end, _ in intervals) > 0.7 * sum(
        len(text) - text.count("N") for text in genome.values()
    )
    for contig, start, end, _ in intervals:
        assert "N" not in genome[contig][max(int(start) - 100, 0) : int(end) + 100]


def test_snvs_are_about_one_in_a_thousand(cohort):
    # Counted over the autosomes of all; a small genome leaves the spread of 250 SNVs.
    carried_snvs = sum(
        int((cohort.alleles[name][cohort.sites[name].is_snv] == 1).any(axis=2).sum())
        for name in ("chr1", "chr2")
    )
    bases = len(PEOPLE) * sum(cohort.reference.contigs[n].length for n in ("chr1", "chr2"))
    assert 0.0005 < carried_snvs / bases < 0.002


def test_a_transmission_changes_copy_at_every_crossover():
    transmission = Transmission(first=1, crossovers=np.array([10, 20]))
    assert transmission.copy_at(np.array([0, 9, 10, 19, 20, 99])).tolist() == [1, 1, 0, 0, 1, 1]


def test_every_autosome_recombines(cohort):
    reference, rng = cohort.reference, stream(1, "meioses")
    for name in ("chr1", "chr2"):
        for _ in range(20):
            contig = reference.contigs[name]
            meiosis = draw_transmission(contig, reference, PEOPLE[PROBAND], FATHERS, rng)
            assert len(meiosis.crossovers) >= 1


@pytest.mark.parametrize(("child", "before_par", "beyond_par"), [(PROBAND, 1, 0), (MOTHER, 0, 1)])
def test_a_son_gets_y_and_a_daughter_x_beyond_the_par(cohort, child, before_par, beyond_par):
    reference = cohort.reference
    ends = np.array([reference.par_start - 1, reference.par_end])
    x = reference.contigs["chrX"]
    meiosis = draw_transmission(x, reference, PEOPLE[child], FATHERS, stream(1, "meioses"))
    assert meiosis.copy_at(ends).tolist() == [before_par, beyond_par]
