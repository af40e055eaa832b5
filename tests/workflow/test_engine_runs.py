"""The other calling engines: a mother and her son from reads to the database with GATK (70 s).

GATK comes from `make gatk`, or from the set-up of the tests; where it is missing the run is
skipped. DeepVariant is not run here: that it is missing is said before anything is done.
"""

from __future__ import annotations

import json
from collections import defaultdict

import pysam
import pytest

from isec import bcftools, score
from rules import need
from running import loaded, make_toy

SON, MOTHER = "toy_proband", "toy_mother"
FAMILY = "toy_trio"
#: Starts of Java are most of what a toy costs.
QUICK_JAVA = "-XX:TieredStopAtLevel=1"


def duo(folder, **calling):
    """A toy project of which only two persons may be analysed."""
    toy = make_toy(folder / "toy", 0.1)
    patients = {row["patient_id"] for row in toy.rows("samples.tsv") if row["sample_id"] in
                (SON, MOTHER)}  # fmt: skip
    consents = toy.rows("consents.tsv")
    kept = [row for row in consents if row["patient_id"] in patients]
    toy.write_rows("consents.tsv", consents[0], kept)
    toy.edit_config(calling=calling)
    return toy


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    need("gatk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", QUICK_JAVA)
        toy = duo(tmp_path_factory.mktemp("gatk"), engine="gatk", scatter_count=2)
        toy.complete()
    return toy


def genotypes(vcf):
    rows = bcftools("query", "-f", "%CHROM\t%POS\t%ALT[\t%GT]\n", vcf).splitlines()
    return [(row[0], int(row[1]), row[2], row[3:]) for row in (line.split("\t") for line in rows)]


def test_both_are_in_a_database_that_verifies(project):
    assert loaded(project) == {SON, MOTHER}
    project.wgs("ngd", "verify", str(project / "ngd"))


def test_every_base_with_reads_is_in_the_gvcf(project):
    for sample in (SON, MOTHER):
        proof = json.loads((project.results / f"gvcf/{sample}.json").read_text())
        assert proof["bases_in_records"] > 29_000
        bands = {alt for _, _, alt, _ in genotypes(project.results / f"gvcf/{sample}.g.vcf.gz")}
        assert "<NON_REF>" in bands


def test_the_calls_are_the_truth(project, tmp_path):
    for sample in (SON, MOTHER):
        found = score(
            project / f"truth/{sample}.vcf.gz",
            project.results / f"callset/{FAMILY}.vcf.gz",
            sample,
            project / "truth/confident.bed",
            project.results / "reference/genome.fa",
            tmp_path / sample,
        )
        print(sample, found)
        assert found["snv"].missed == 0
        assert found["snv"].false <= 1  # of 28
        assert found["indel"].missed == 0
        # At the border of PAR reads of Y, whose PAR is masked, end as if by an insertion.
        assert found["indel"].false <= 1


def test_each_is_called_at_the_copies_that_they_have(project):
    callset = project.results / f"callset/{FAMILY}.vcf.gz"
    names = bcftools("query", "-l", callset).split()
    ploidies = defaultdict(set)
    for contig, _, _, called in genotypes(callset):
        for name, genotype in zip(names, called, strict=True):
            if "." not in genotype:
                ploidies[name, contig].add(len(genotype.replace("|", "/").split("/")))
    assert ploidies[MOTHER, "chrX"] == {2}
    assert ploidies[SON, "chrX"] >= {1}
    assert ploidies[SON, "chr1"] == ploidies[MOTHER, "chr1"] == {2}
    assert ploidies[SON, "chrM"] | ploidies[MOTHER, "chrM"] <= {1}
    assert (MOTHER, "chrY") not in ploidies
    on_y = {
        sample: [one for one in genotypes(project.results / f"gvcf/{sample}.g.vcf.gz")
                 if one[0] == "chrY"]
        for sample in (SON, MOTHER)
    }  # fmt: skip
    assert on_y[SON]
    assert not on_y[MOTHER]


def test_a_second_run_has_nothing_to_do(project):
    assert set(project.complete("--dry-run").jobs) <= {"all"}


def test_an_engine_that_is_missing_is_named_before_anything_runs(tmp_path):
    toy = duo(tmp_path, engine="deepvariant", scatter_count=2)
    run = toy.run()
    assert run.code != 0
    assert "calling.engine deepvariant needs run_deepvariant, glnexus_cli" in run.output
    assert "--sdm apptainer" in run.output
    assert not (toy.results / "alignment").exists()


def test_more_pieces_than_stretches_without_n(tmp_path):
    toy = make_toy(tmp_path / "toy", 0.1)
    fasta = toy / "reference/toy.fa"
    pysam.faidx(str(fasta))
    command = ("reference", "scatter", "--fasta", str(fasta), "--fai", f"{fasta}.fai")
    toy.wgs(*command, "--pieces", "4", "--padding", "0", "--outdir", str(tmp_path / "four"),
            "--at-gaps")  # fmt: skip
    cut = [path.read_text() for path in sorted((tmp_path / "four").glob("????.bed"))]
    toy.wgs(*command, "--pieces", "1", "--padding", "0", "--outdir", str(tmp_path / "one"))
    assert "".join(cut) == (tmp_path / "one/0000.bed").read_text()
    assert len(cut) == 4
    assert all(cut)
    stretches = len("".join(cut).splitlines())
    with pytest.raises(AssertionError, match=rf"calling\.scatter_count to {stretches} or less"):
        toy.wgs(*command, "--pieces", "999", "--padding", "0", "--outdir", str(tmp_path / "many"),
                "--at-gaps")  # fmt: skip
