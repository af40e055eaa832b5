"""Who in the database a new genome is compared with: found whatever plane, tier or consent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ngd_builders import Consents

from people import People
from wgs_pipeline.cli import main
from wgs_pipeline.errors import NgdError
from wgs_pipeline.fingerprints import Panel
from wgs_pipeline.metrics.identity import DATABASE, compare
from wgs_pipeline.metrics.relatedness import Relation
from wgs_pipeline.ngd.lookalikes import fingerprint_of_gvcf, lookalikes
from wgs_pipeline.ngd.records import Rule


class Loaded:
    """A database with a family, its commands, and fingerprints of those who come later."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys, self.root = folder, capsys, folder / "ngd"
        self.people = people = People(n_sites=1500)
        for name in ("father", "mother", "stranger"):
            people.founder(name)
        people.child("child", "father", "mother")
        self.contigs = {"chr1": people.length}
        self.panel = Panel.of(self.contigs)
        self.consents = Consents(folder / "consents.tsv")
        people.write_fasta(folder / "r.fa")
        (folder / "r.fa.fai").write_text(f"chr1\t{people.length}\t6\t60\t61\n")
        self.wgs("init", "--vault", folder / "vault", "--consents", folder / "consents.tsv",
                 "--reference", folder / "r.fa.fai")  # fmt: skip

    def wgs(self, command: str, *more: object) -> str:
        with pytest.raises(SystemExit) as end:
            main(["ngd", command, str(self.root), *map(str, more)])
        said = self.capsys.readouterr()
        assert end.value.code == 0, said.err
        return said.out

    def load(self, person: str, patient: str, hidden: dict[int, int] | None = None) -> None:
        self.consents.add(patient, "analysis", "given")
        gvcf = self.people.write_gvcf(self.folder / f"{person}.g.vcf", person, person, hidden)
        self.wgs("load", "--sample", person, "--gvcf", gvcf, "--patient-id", patient,
                 "--sex", "unknown")  # fmt: skip

    def found(self, person: str, patient: str) -> dict[str, tuple[bool, Relation]]:
        """(whether of the same patient, relation) by sample of the database."""
        gvcf = self.people.write_gvcf(self.folder / "new.g.vcf", person, "new")
        one = fingerprint_of_gvcf(gvcf, "new", self.panel, self.contigs, Rule(10, 20))
        result = lookalikes(self.root, one, self.panel, "new", patient)
        self.genomes = result.genomes
        pairs = [compare(one, each.fingerprint, DATABASE, None) for each in result.candidates]
        return {
            each.sample_id: (each.own, pair.found.relation)
            for each, pair in zip(result.candidates, pairs, strict=True)
        }


@pytest.fixture
def database(tmp_path, capsys):
    loaded = Loaded(tmp_path, capsys)
    loaded.load("father", "p-father")
    loaded.load("child", "p-child", hidden={20_000: 35_000})  # 15 % without reads
    return loaded


def test_a_second_registration_is_found_and_strangers_are_not(database):
    assert database.found("child", "p-other") == {"child": (False, Relation.SAME)}
    assert database.found("stranger", "p-other") == {}
    assert database.genomes == 2
    # A parent is no lookalike: it is compared where the sheet names it.
    assert database.found("mother", "p-other") == {}


def test_all_genomes_of_the_same_patient_are_compared(database):
    assert database.found("child", "p-child") == {"child": (True, Relation.SAME)}
    assert database.found("stranger", "p-child") == {"child": (True, Relation.UNRELATED)}


def test_a_refusal_of_research_and_a_compaction_hide_nobody_from_care(database):
    database.consents.add("p-child", "research", "refused")
    assert database.found("child", "p-other") == {"child": (False, Relation.SAME)}
    database.wgs("compact")
    assert database.found("child", "p-other") == {"child": (False, Relation.SAME)}


def test_who_was_erased_or_withdrew_is_no_longer_compared(database):
    database.wgs("erase", "--patient-id", "p-child")
    assert database.found("child", "p-other") == {}
    assert database.genomes == 1
    database.consents.add("p-father", "analysis", "withdrawn")
    assert database.found("father", "p-other") == {}
    assert database.genomes == 0


def test_the_comparison_is_in_the_access_log(database):
    database.found("child", "p-other")
    with pytest.raises(SystemExit):
        main(["audit", "show", str(database.root), "--format", "json"])
    log = json.loads(database.capsys.readouterr().out)
    last = [each for each in log if each["action"] == "identity"]
    assert [(each["purpose"], each["decision"]) for each in last] == [("quality", "answered")]


def test_no_database_is_an_error(database, tmp_path):
    gvcf = database.people.write_gvcf(tmp_path / "x.g.vcf", "child", "x")
    one = fingerprint_of_gvcf(gvcf, "x", database.panel, database.contigs, Rule(10, 20))
    with pytest.raises(NgdError, match="no National Genome Database here"):
        lookalikes(tmp_path / "none", one, database.panel, "x", "p")
