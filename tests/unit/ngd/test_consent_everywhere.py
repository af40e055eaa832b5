"""Every time line of consent, every purpose, everywhere that reads a genome: one table.

Where a command that reads genomes is added, add its column to ``Everywhere`` and ``TABLE`` decides.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from ngd_builders import Consents, make_database, publish_release, write_gvcf

from wgs_pipeline import audit, ngd
from wgs_pipeline.consent.decisions import may_show_secondary_findings
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import ConsentError, PurposeError
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.export import Wanted, export
from wgs_pipeline.ngd.generation import read_generation
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.release import LEAST
from wgs_pipeline.project import Project
from wgs_pipeline.report.collect import collect
from wgs_pipeline.vault import Vault

GIVEN = ("analysis", "given")


@dataclass(frozen=True)
class Case:
    """What a person decided after having consented to analysis, and what may be done then."""

    name: str
    events: tuple[tuple[str, str], ...] = ()
    opted_out: bool = False
    care: bool = True
    research: bool = True
    findings: bool = False
    first: tuple[tuple[str, str], ...] = field(default=(GIVEN,))


TABLE = (
    Case("nothing more"),
    Case("research refused", (("research", "refused"),), research=False),
    Case("research withdrawn", (("research", "withdrawn"),), research=False),
    Case("research given", (("research", "given"),)),
    Case("refused, then given", (("research", "refused"), ("research", "given"))),
    Case("given, then refused", (("research", "given"), ("research", "refused")), research=False),
    Case("on the opt-out list", opted_out=True, research=False),
    Case("on the list after giving", (("research", "given"),), opted_out=True, research=False),
    Case("withdrawn", (("analysis", "withdrawn"),), care=False, research=False),
    Case("refused", (("analysis", "refused"),), care=False, research=False),
    Case(
        "research given, analysis withdrawn",
        (("research", "given"), ("analysis", "withdrawn")),
        care=False,
        research=False,
    ),
    Case("withdrawn, given anew", (("analysis", "withdrawn"), GIVEN)),
    Case("findings given", (("secondary_findings", "given"),), findings=True),
    Case(
        "findings given, then refused",
        (("secondary_findings", "given"), ("secondary_findings", "refused")),
    ),
    Case(
        "findings given, analysis withdrawn",
        (("secondary_findings", "given"), ("analysis", "withdrawn")),
        care=False,
        research=False,
    ),
    Case("no contact, no export", (("recontact", "refused"), ("cross_border", "refused"))),
)
NAMES = [case.name for case in TABLE]
VARIANTS = [f"chr1-{number + 1}-A-G" for number in range(len(TABLE))]


class Everywhere:
    """One person per case: replacement numbers, sample ``S<n>``, a variant at ``chr1:<n + 1>``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.consents = folder, Consents(folder / "consents.tsv")
        self.optouts = folder / "optouts.csv"
        self.optouts.write_text("CPR;Dato\n6312999999;2020-01-31\n")
        for number, case in enumerate(TABLE):
            for scope, decision in case.first:
                self.consents.add(self.person(number), scope, decision)
        self.root = make_database(folder, optouts=self.optouts)
        for number in range(len(TABLE)):
            self.load(number)
        self.project_file = folder / "project.yaml"
        approval = {
            "id": "p1", "title": "t", "approval": {"number": "1", "committee": "c"},
            "purpose": "x", "duo": ["DUO:0000006"], "valid_from": "2024-01-01",
            "valid_to": "2099-12-31", "users": [audit.system_user()],
            "data": ["frequencies", "genotypes"],
        }  # fmt: skip
        self.project_file.write_text(yaml.safe_dump(approval))

    @staticmethod
    def person(number: int) -> str:
        return f"610170{number:04d}"

    def decide(self) -> None:
        """Enter what everyone decided, a second ago; nothing is loaded or compacted after it."""
        for number, case in enumerate(TABLE):
            for scope, decision in case.events:
                self.consents.add(self.person(number), scope, decision)
            if case.opted_out:
                today = datetime.now(UTC).date().isoformat()
                with self.optouts.open("a") as file:
                    file.write(f"610170-{number:04d};{today}\n")

    def load(self, number: int, sample: str = "") -> object:
        sample = sample or f"S{number}"
        at = number + 1
        lines = [f"chr1 {at} A G . . GT:DP:GQ 0/1:30:50", _block(at + 1, 60)]
        if at > 1:
            lines.insert(0, _block(1, at - 1))
        gvcf = write_gvcf(self.folder / f"{sample}.g.vcf", sample, lines)
        return load(self.root, Request(sample, gvcf, self.person(number), "female"))

    def load_newcomers(self) -> None:
        """Five persons who carry nothing, and come in when someone leaves the release."""
        for number in range(len(TABLE), len(TABLE) + 5):
            self.consents.add(self.person(number), *GIVEN)
            gvcf = write_gvcf(self.folder / f"N{number}.g.vcf", f"N{number}", [_block(1, 60)])
            load(self.root, Request(f"N{number}", gvcf, self.person(number), "female"))

    def compact(self) -> None:
        root = Root.open(self.root)
        with Vault(root.vault) as vault:
            compact(root, vault)

    def open(self, purpose: str):
        needs_project = purpose in ("research", "statistics")
        return ngd.open(self.root, purpose, self.project_file if needs_project else None)

    # What each command shows: the set of the cases whose person it shows.

    def region(self, purpose: str) -> set[str]:
        with self.open(purpose) as database:
            return _carried(database.region("chr1:1-60"))

    def variant(self, purpose: str) -> set[str]:
        with self.open(purpose) as database:
            rows = [database.variant(name) for name in VARIANTS]
        return set().union(*map(_carried, rows))

    def genes(self, purpose: str) -> set[str]:
        with self.open(purpose) as database:
            return _carried(database.genes(self._bed()))

    def cohort(self, purpose: str) -> set[str]:
        with self.open(purpose) as database:
            samples = [f"S{number}" for number in range(len(TABLE))]
            return _carried(database.region("chr1:1-60", samples))

    def exported_counts(self, purpose: str) -> set[str]:
        with self.open(purpose) as database:
            target = self.folder / f"counts-{purpose}"
            export(database, Wanted(target, frequencies_only=True))
        return _carried(pq.read_table(target / "frequencies.parquet"))

    def exported_genotypes(self, purpose: str) -> set[str]:
        """Cases with a call; each person has one, and the samples are as many as the calls."""
        with self.open(purpose) as database:
            target = self.folder / "genotypes"
            done = export(database, Wanted(target))
        calls = pq.read_table(target / "genotypes")
        names = pq.read_table(target / "samples.parquet")["sample"].to_pylist()
        header = subprocess.run(["bcftools", "query", "-l", target / "genotypes.vcf.gz"],
                                capture_output=True, text=True, check=True)  # fmt: skip
        assert sorted(names) == header.stdout.split()
        assert done.persons == len(names) == calls.num_rows + 5
        return _carried(calls)

    def carriers(self) -> set[str]:
        shown = set()
        with self.open("care") as database:
            for number, name in enumerate(NAMES):
                samples = database.carriers(VARIANTS[number])["sample_id"].to_pylist()
                assert samples in ([], [f"S{number}"])
                shown |= {name} if samples else set()
        return shown

    def carriers_of(self) -> set[str]:
        with self.open("care") as database:
            return _of_samples(database.carriers_of(VARIANTS))

    def carriers_in(self) -> set[str]:
        with self.open("care") as database:
            return _of_samples(database.carriers_in("chr1"))

    def carriers_by_gene(self) -> set[str]:
        with self.open("care") as database:
            return _of_samples(database.genes(self._bed(), carriers=True))

    def genome(self) -> set[str]:
        shown = set()
        with self.open("care") as database:
            for number, name in enumerate(NAMES):
                with suppress(ConsentError):
                    assert database.genome(self.person(number)).num_rows == 1
                    shown.add(name)
        return shown

    def _bed(self) -> Path:
        path = self.folder / "gene.bed"
        path.write_text("chr1\t0\t60\tGENE\n")
        return path

    def secondary_findings(self) -> set[str]:
        register = ConsentRegister.read(self.consents.path, optouts=self.optouts)
        now = datetime.now(UTC)
        return {
            name
            for number, name in enumerate(NAMES)
            if may_show_secondary_findings(register, self.person(number), now).allowed
        }

    def gate(self) -> tuple[set[str], set[str]]:
        """Cases whose reads a run would read; and those that its report does not leave out."""
        rows = [f"S{number}\t{self.person(number)}\tfemale" for number in range(len(TABLE))]
        sheet = ["sample_id\tpatient_id\tsex", *rows]
        (self.folder / "samples.tsv").write_text("\n".join(sheet) + "\n")
        units = [
            "sample_id\tgvcf",
            *(f"S{number}\tS{number}.g.vcf" for number in range(len(TABLE))),
        ]
        (self.folder / "units.tsv").write_text("\n".join(units) + "\n")
        (self.folder / "config.yaml").write_text(
            "samples: samples.tsv\nunits: units.tsv\nconsents: consents.tsv\nresults: results\n"
            "reference: {build: small, fasta: reference.fa}\nngd: {root: ngd, vault: vault}\n"
            "policy: {optout_list: optouts.csv}\n"
        )
        project = Project.load(self.folder / "config.yaml")
        document = collect(project, datetime.now(UTC))
        reported = {each["sample"] for each in document["samples"] if not each.get("left_out")}
        return (
            {NAMES[int(name[1:])] for name in project.analysed},
            {NAMES[int(name[1:])] for name in reported},
        )

    def planes(self) -> dict[str, str]:
        root = Root.open(self.root)
        with Vault(root.vault) as vault:
            members = read_generation(root, int(vault.require("generation"))).members
            owners = {each.slot: int(each.patient_id[6:]) for each in vault.genomes()}
        return {
            NAMES[owners[each.slot]]: each.plane
            for each in members
            if not each.retired and owners[each.slot] < len(NAMES)
        }


def _block(start: int, end: int) -> str:
    return f"chr1 {start} A <*> . END={end} GT:GQ:MIN_DP 0/0:50:30"


def _carried(table) -> set[str]:
    """Cases whose variant is in a table, and carried by someone."""
    return {NAMES[row["pos"] - 1] for row in table.to_pylist() if str(row.get("AC", "")) != "0"}


def _of_samples(table) -> set[str]:
    return {NAMES[int(sample[1:])] for sample in table["sample_id"].to_pylist()}


def cases(which: str) -> set[str]:
    return {case.name for case in TABLE if getattr(case, which)}


@pytest.fixture(scope="module", params=["open tiers", "compacted"])
def everywhere(request, tmp_path_factory):
    """The database before anybody decided more; then what they decided, a second ago."""
    built = Everywhere(tmp_path_factory.mktemp("everywhere"))
    if request.param == "compacted":
        built.compact()
    publish_release(built.root)
    built.load_newcomers()
    everyone = set(NAMES)
    assert built.region("care") == built.region("research") == built.carriers() == everyone
    assert built.gate() == (everyone, everyone)
    assert set(built.planes().values()) == {"research"}
    built.decide()
    return built


#: Everyone who may not be used leaves the release at once: so many that no one is drawn to go too.
assert sum(not case.research for case in TABLE) >= 2 * LEAST - 1


ALLOWED_BY = {"care": "care", "quality": "care", "research": "research", "statistics": "research"}


@pytest.mark.parametrize("purpose", ALLOWED_BY)
@pytest.mark.parametrize("command", ["region", "variant", "genes", "exported_counts"])
def test_counts(everywhere, command, purpose):
    assert getattr(everywhere, command)(purpose) == cases(ALLOWED_BY[purpose])


@pytest.mark.parametrize("purpose", ALLOWED_BY)
def test_counts_of_chosen_samples(everywhere, purpose):
    if purpose in ("care", "quality"):
        assert everywhere.cohort(purpose) == cases("care")
    else:
        with pytest.raises(PurposeError):
            everywhere.cohort(purpose)


@pytest.mark.parametrize("purpose", ALLOWED_BY)
def test_genotypes_of_many(everywhere, purpose):
    if purpose == "research":
        assert everywhere.exported_genotypes(purpose) == cases("research")
    else:
        with pytest.raises(PurposeError):
            everywhere.exported_genotypes(purpose)


@pytest.mark.parametrize(
    "command", ["carriers", "carriers_of", "carriers_in", "carriers_by_gene", "genome"]
)
def test_persons(everywhere, command):
    assert getattr(everywhere, command)() == cases("care")


@pytest.mark.parametrize("purpose", ["quality", "research", "statistics"])
@pytest.mark.parametrize("question", ["carriers", "carriers_of", "carriers_in", "genes", "genome"])
def test_persons_are_shown_for_no_other_purpose(everywhere, question, purpose):
    asked = {"carriers": (VARIANTS[0],), "carriers_of": (VARIANTS,), "carriers_in": ("chr1",),
             "genes": (everywhere._bed(), (), True), "genome": (everywhere.person(0),)}  # fmt: skip
    with everywhere.open(purpose) as database, pytest.raises(PurposeError):
        getattr(database, question)(*asked[question])


def test_secondary_findings(everywhere):
    assert everywhere.secondary_findings() == cases("findings")


def test_the_gate_of_a_run_and_its_report(everywhere):
    assert everywhere.gate() == (cases("care"), cases("care"))


def test_loading_last(everywhere):
    """Who withdrew is not loaded again; everyone else comes into the plane that consent asks for.

    Last in this module, since a load moves the bits of whoever refused.
    """
    for number, case in enumerate(TABLE):
        if case.care:
            receipt = everywhere.load(number, f"T{number}")
            assert receipt.plane == ("research" if case.research else "care_only")
        else:
            with pytest.raises(ConsentError, match="no consent to analysis") as error:
                everywhere.load(number, f"T{number}")
            assert everywhere.person(number) not in str(error.value)
    research = {name for name, plane in everywhere.planes().items() if plane == "research"}
    assert research == cases("research")
    assert everywhere.region("care") == cases("care")
    assert everywhere.region("research") == cases("research")


def test_an_event_of_a_second_ago_counts_at_once(tmp_path):
    """By the clock, in a database that stays open: before any load, compaction or release."""
    built = Everywhere(tmp_path)
    publish_release(built.root)
    built.load_newcomers()
    with built.open("care") as care, built.open("research") as research:
        for database in (care, research):
            assert database.variant(VARIANTS[0])["AC"].to_pylist() in ([1], ["<5"])
        for scope, decision, asked in (
            ("research", "refused", research), ("analysis", "withdrawn", care)
        ):  # fmt: skip
            moment = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="seconds")
            with built.consents.path.open("a") as file:
                event = [built.person(0), scope, decision, moment, moment, "form"]
                file.write("\t".join(event) + "\n")
            assert asked.variant(VARIANTS[0])["AC"].to_pylist() in ([0], ["0"])
        with pytest.raises(ConsentError):
            care.genome(built.person(0))
        assert care.carriers_in("chr1:1-1").num_rows == 0
