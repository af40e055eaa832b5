"""Carriers, cohorts, genes and parts of genomes, against plain Python over the loaded records."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path

import ngd_oracle as oracle
import pytest
from ngd_builders import CONTIGS, PAR, Consents, make_database, publish_release, write_gvcf

from wgs_pipeline import audit, ngd
from wgs_pipeline.errors import ConsentError, NgdError, PurposeError
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.vault import Vault

PERSONS = 11
#: Their consent to analysis is withdrawn: one whose bits are in a segment, one in an open tier.
WITHDRAWN = {2, 9}
#: Refused research before the compaction, so that its bits lie in the other plane.
OTHER_PLANE = 4
#: Loaded without a target: carries and does not count.
UNCOUNTED = 6
FIRST_OPEN = 8


@dataclass
class Loaded:
    root: Path
    genomes: list[oracle.Genome]
    karyotypes: list[str]

    def shown(self, chosen: set[int] | None = None) -> list[int]:
        everyone = set(range(PERSONS)) if chosen is None else chosen
        return sorted(everyone - WITHDRAWN)

    def calls(self, contig: str, start: int, end: int) -> list[tuple]:
        """contig, pos, ref, alt, sample_id and genotype of all that may be seen, sorted."""
        return sorted(
            (*variant, f"S{number}", kind)
            for number in self.shown()
            for variant, kind in self.genomes[number].calls.items()
            if variant[0] == contig and start < variant[1] <= end
        )

    def sites(self, contig: str, start: int, end: int, chosen: set[int] | None = None) -> list:
        """Rows of a region: contig, pos, ref, alt, AC, AN, n_het, n_hom, n_hemi."""
        mine = [
            (self.genomes[number], self.karyotypes[number])
            for number in self.shown(chosen)
            if number != UNCOUNTED
        ]
        rows = []
        for variant, (het, hom, hemi) in sorted(oracle.counts(mine).items()):
            if variant[0] == contig and start < variant[1] <= end:
                number = oracle.allele_number(mine, contig, variant[1] - 1, PAR)
                rows.append((*variant, het + 2 * hom + hemi, number, het, hom, hemi))
        return rows


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("queries")
    rng = random.Random(11)
    consents = Consents(folder / "consents.tsv")
    root = make_database(folder)
    genomes, karyotypes = [], []
    for number in range(PERSONS):
        consents.add(f"person-{number}", "analysis", "given")
        if number == OTHER_PLANE:
            consents.add(f"person-{number}", "research", "refused")
        karyotypes.append(rng.choice(["XX", "XY"]))
        sex = {"XX": "female", "XY": "male"}[karyotypes[-1]]
        lines = _records(rng, karyotypes[-1])
        gvcf = write_gvcf(folder / f"S{number}.g.vcf", f"S{number}", lines)
        assay = "panel" if number == UNCOUNTED else "wgs"
        load(root, Request(f"S{number}", gvcf, f"person-{number}", sex, assay))
        genomes.append(oracle.read_genome(lines, karyotypes[-1], PAR))
        if number == FIRST_OPEN - 1:
            opened = Root.open(root)
            with Vault(opened.vault) as vault:
                compact(opened, vault)
    for number in WITHDRAWN:
        consents.add(f"person-{number}", "analysis", "withdrawn")
    publish_release(root)
    return Loaded(root, genomes, karyotypes)


def _records(rng: random.Random, karyotype: str) -> list[str]:
    """One record per base: reference, a variant, or a no-call."""
    lines = []
    for contig, length in CONTIGS.items():
        for pos in range(1, length + 1):
            copies = oracle.ploidy(contig, pos - 1, karyotype, PAR)
            if not copies or rng.random() < 0.08:
                continue
            genotype = "/".join(rng.choice("001" if pos % 3 else "0001") for _ in range(copies))
            alt = rng.choice("CG") if "1" in genotype else "<*>"
            lines.append(f"{contig} {pos} A {alt} . . GT:DP:GQ {genotype}:30:50")
    return lines


def _calls(table) -> list[tuple]:
    names = ("contig", "pos", "ref", "alt", "sample_id", "genotype")
    rows = table.select([*names, "assay"]).to_pylist()
    assert {row["assay"] for row in rows} <= {"wgs", "panel"}
    variants = [(row["contig"], row["pos"], row["ref"], row["alt"]) for row in rows]
    contigs = list(CONTIGS)
    assert variants == sorted(variants, key=lambda each: (contigs.index(each[0]), *each[1:]))
    return sorted(tuple(row[name] for name in names) for row in rows)


def _sites(table) -> list[tuple]:
    names = ("contig", "pos", "ref", "alt", "AC", "AN", "n_het", "n_hom", "n_hemi")
    return [tuple(row[name] for name in names) for row in table.to_pylist()]


@pytest.mark.parametrize("contig", CONTIGS)
@pytest.mark.parametrize(("start", "end"), [(0, 20), (7, 8), (3, 19)])
def test_carriers_in_a_region_and_of_a_list(loaded: Loaded, contig: str, start: int, end: int):
    expected = loaded.calls(contig, start, end)
    with ngd.open(loaded.root, "care") as database:
        assert _calls(database.carriers_in(f"{contig}:{start + 1}-{end}")) == expected
        names = ["-".join(map(str, each[:4])) for each in expected]
        assert _calls(database.carriers_of([*names, "chr1-60-A-T"])) == expected
        assert _sites(database.region(f"{contig}:{start + 1}-{end}")) == loaded.sites(
            contig, start, end
        )


def test_a_list_may_span_contigs(loaded: Loaded):
    everything = [each for contig in CONTIGS for each in loaded.calls(contig, 0, 99)]
    chosen = set(random.Random(3).sample(sorted({each[:4] for each in everything}), 25))
    with ngd.open(loaded.root, "care") as database:
        found = database.carriers_of("-".join(map(str, each)) for each in chosen)
        assert _calls(found) == sorted(each for each in everything if each[:4] in chosen)
        assert found.schema.metadata[b"eligible"] == b"8"
        for variant in sorted(chosen)[:5]:
            rows = database.carriers("-".join(map(str, variant))).to_pylist()
            expected = [each[4:] for each in everything if each[:4] == variant]
            assert [(row["sample_id"], row["genotype"]) for row in rows] == sorted(
                expected, key=lambda each: int(each[0][1:])
            )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("purpose", ["care", "quality"])
def test_a_cohort_counts_its_samples_alone(loaded: Loaded, seed: int, purpose: str):
    rng = random.Random(seed)
    chosen = set(rng.sample(range(PERSONS), rng.randint(1, PERSONS)))
    if purpose == "quality":
        chosen |= {0, 1, 3, 5, 7}
    with ngd.open(loaded.root, purpose) as database:
        for contig in CONTIGS:
            found = database.region(contig, samples=[f"S{number}" for number in chosen])
            assert _sites(found) == loaded.sites(contig, 0, 99, chosen)
        eligible = len(set(loaded.shown(chosen)) - {UNCOUNTED})
        assert found.schema.metadata[b"eligible"] == str(eligible).encode()
        # the question before must not colour the next one
        assert _sites(database.region("chr1")) == loaded.sites("chr1", 0, 99)


def test_a_small_cohort_is_for_care_alone_and_research_has_none(loaded: Loaded, tmp_path: Path):
    with ngd.open(loaded.root, "quality") as database:
        with pytest.raises(ConsentError, match="fewer than 5 genomes"):
            database.region("chr1", samples=["S0", "S1", "S2", "S3", "S6"])
        with pytest.raises(NgdError, match="1 of 2 samples are not loaded, such as 'S77'"):
            database.region("chr1", samples=["S0", "S77"])
    project = _project(tmp_path)
    for purpose in ("research", "statistics"):
        with (
            ngd.open(loaded.root, purpose, project) as database,
            pytest.raises(PurposeError, match="among chosen samples is answered for care and qual"),
        ):
            database.region("chr1", samples=["S0"])


def test_a_project_is_held_to_its_regions(loaded: Loaded, tmp_path: Path):
    project = _project(tmp_path, regions=["chr1:11-20", "chr1:21-30"])
    with ngd.open(loaded.root, "research", project) as database:
        assert database.region("chr1:12-29").num_rows >= 0
        for region in ("chr1:10-12", "chr1:29-31", "chrX:12-13"):
            with pytest.raises(ConsentError, match="does not cover"):
                database.region(region)
        with pytest.raises(ConsentError, match="does not cover chr1:40-40"):
            database.variant("chr1-40-A-C")


def _project(folder: Path, **more: object) -> Path:
    value = {
        "id": "p1", "title": "t", "approval": {"number": "1", "committee": "c"}, "purpose": "x",
        "duo": ["DUO:0000006"], "valid_from": "2024-01-01", "valid_to": "2099-12-31",
        "users": [audit.system_user()], "data": ["frequencies"],
    } | more  # fmt: skip
    path = folder / "project.yaml"
    path.write_text(json.dumps(value))
    return path


GFF3 = """\
##gff-version 3
chr1\tt\tgene\t3\t20\t.\t+\t.\tID=gene:ENSG01.4;Name=ONE;biotype=x
chr1\tt\tmRNA\t3\t20\t.\t+\t.\tID=transcript:T1;Parent=gene:ENSG01.4;Name=ONE-201
chrX\tt\tncRNA_gene\t5\t50\t.\t-\t.\tID=g2;gene_name=TW%20O;gene_id=ENSG02.1
chr9\tt\tgene\t1\t9\t.\t+\t.\tID=g3;Name=ELSEWHERE
chr1\tt\tpseudogene\t15\t40\t.\t+\t.\tID=gene-THREE;gene=THREE
##FASTA
>chr1
ACGT
"""


@pytest.mark.parametrize("packed", [False, True])
def test_genes_are_their_regions(loaded: Loaded, tmp_path: Path, packed: bool):
    path = tmp_path / ("genes.gff3.gz" if packed else "genes.gff3")
    path.write_bytes(gzip.compress(GFF3.encode()) if packed else GFF3.encode())
    regions = {"ONE": ("chr1", 2, 20), "TW O": ("chrX", 4, 50), "THREE": ("chr1", 14, 40)}
    with ngd.open(loaded.root, "care") as database:
        table = database.genes(path)
        assert table.column_names[0] == "gene"
        assert list(dict.fromkeys(table["gene"].to_pylist())) == list(regions)
        carriers = database.genes(path, carriers=True)
        for name, region in regions.items():
            mine = table.filter([each == name for each in table["gene"].to_pylist()])
            assert _sites(mine) == loaded.sites(*region)
            mine = carriers.filter([each == name for each in carriers["gene"].to_pylist()])
            assert _calls(mine) == loaded.calls(*region)
        for called in ("ENSG01", "ENSG01.4", "gene:ENSG01.4", "ONE"):
            (name,) = set(database.genes(path, [called])["gene"].to_pylist())
            assert (name, database.genes(path, [called]).num_rows) == (
                called, len(loaded.sites(*regions["ONE"]))
            )  # fmt: skip
        with pytest.raises(NgdError, match="no gene is called NONE, NADA"):
            database.genes(path, ["ONE", "NONE", "NADA"])
        with pytest.raises(NgdError, match="ELSEWHERE lies on chr9"):
            database.genes(path, ["ELSEWHERE"])
    with ngd.open(loaded.root, "quality") as database:
        assert database.genes(path, ["ONE"]).num_rows
        with pytest.raises(PurposeError):
            database.genes(path, carriers=True)


def test_intervals_of_a_bed_and_what_is_wrong_with_one(loaded: Loaded, tmp_path: Path):
    bed = tmp_path / "panel.bed"
    bed.write_text("track name=x\nchr1\t2\t20\tfirst\nchrX\t4\t50\n")
    with ngd.open(loaded.root, "care") as database:
        table = database.genes(bed)
        names = [each["gene"] for each in table.to_pylist()]
        assert set(names) == {"first", "chrX:5-50"}
        assert names.count("first") == len(loaded.sites("chr1", 2, 20))
        for text, said in {
            "chr1\t9\n": ":1: expected contig, start and end",
            "chr1\t0\t9\ta\nchr1\t9\t9\tb\n": ":2: expected a start and an end",
            "chr1\t9\t61\ta\n": ":1: a ends at 61 on chr1 of 60 bp",
            "chr7\t1\t2\ta\n": "a lies on chr7",
            "": "no gene is called one",
        }.items():
            bed.write_text(text)
            with pytest.raises(NgdError, match=said):
                database.genes(bed)
        with pytest.raises(NgdError, match=r"expected \.gff3, \.gff or \.bed"):
            database.genes(tmp_path / "genes.gtf")


def test_a_part_of_a_genome(loaded: Loaded):
    with ngd.open(loaded.root, "care") as database:
        whole = database.genome("person-0").to_pylist()
        part = database.genome("person-0", region="chrX:10-40").to_pylist()
        assert part == [row for row in whole if row["contig"] == "chrX" and 10 <= row["pos"] <= 40]
        assert part


def test_the_log_names_the_slots_of_all_who_were_shown(loaded: Loaded):
    with ngd.open(loaded.root, "care") as database:
        shown = {row["sample_id"] for row in database.carriers_in("chr1").to_pylist()}
    line = list(audit.entries(loaded.root / "audit"))[-1]
    with Vault(Root.open(loaded.root).vault) as vault:
        samples = {slot: sample for slot, sample, _, _ in vault.samples()}
    assert (line["action"], line["persons"]) == ("carriers", len(shown))
    assert {samples[slot] for slot in line["slots"]} == shown


def test_info_counts_genomes_and_distinct_variants(loaded: Loaded):
    with ngd.open(loaded.root, "care") as database:
        found = database.info()
    variants = {variant for genome in loaded.genomes for variant in genome.calls}
    assert (found["genomes"], found["variants"]) == (PERSONS, len(variants))
    assert (found["care_only"], found["open"]) == (1, PERSONS - FIRST_OPEN)
