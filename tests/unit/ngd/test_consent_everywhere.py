"""Every time line of consent, every purpose, everywhere that reads a genome: one table.

Where a command that reads genomes is added, add its column to ``Everywhere`` and ``TABLE`` decides.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from ngd_builders import Consents, make_database, write_gvcf

from wgs_pipeline import audit, ngd
from wgs_pipeline.consent.decisions import may_show_secondary_findings
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import ConsentError
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.generation import read_generation
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
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
            "valid_to": "2099-12-31", "users": [audit.system_user()], "data": ["frequencies"],
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
        lines = [f"chr1 {at} A G . . GT:DP:GQ 0/1:30:50"]
        if at > 1:
            lines.insert(0, f"chr1 1 A <*> . END={at - 1} GT:GQ:MIN_DP 0/0:50:30")
        gvcf = write_gvcf(self.folder / f"{sample}.g.vcf", sample, lines)
        return load(self.root, Request(sample, gvcf, self.person(number), "female"))

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
            rows = database.region("chr1:1-60").to_pylist()
        return {NAMES[row["pos"] - 1] for row in rows if str(row["AC"]) != "0"}

    def variant(self, purpose: str) -> set[str]:
        with self.open(purpose) as database:
            rows = [
                database.variant(f"chr1-{number + 1}-A-G").to_pylist()[0]
                for number in range(len(TABLE))
            ]
        return {NAMES[row["pos"] - 1] for row in rows if str(row["AC"]) != "0"}

    def carriers(self) -> set[str]:
        shown = set()
        with self.open("care") as database:
            for number, name in enumerate(NAMES):
                samples = database.carriers(f"chr1-{number + 1}-A-G")["sample_id"].to_pylist()
                assert samples in ([], [f"S{number}"])
                shown |= {name} if samples else set()
        return shown

    def genome(self) -> set[str]:
        shown = set()
        with self.open("care") as database:
            for number, name in enumerate(NAMES):
                with suppress(ConsentError):
                    assert database.genome(self.person(number)).num_rows == 1
                    shown.add(name)
        return shown

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
            owners = {each.slot: each.patient_id for each in vault.genomes()}
        return {
            NAMES[int(owners[each.slot][6:])]: each.plane for each in members if not each.retired
        }


def cases(which: str) -> set[str]:
    return {case.name for case in TABLE if getattr(case, which)}


@pytest.fixture(scope="module", params=["open tiers", "compacted"])
def everywhere(request, tmp_path_factory):
    """The database before anybody decided more; then what they decided, a second ago."""
    built = Everywhere(tmp_path_factory.mktemp("everywhere"))
    if request.param == "compacted":
        built.compact()
    everyone = set(NAMES)
    assert built.region("care") == built.region("research") == built.carriers() == everyone
    assert built.gate() == (everyone, everyone)
    assert set(built.planes().values()) == {"research"}
    built.decide()
    return built


ALLOWED_BY = {"care": "care", "quality": "care", "research": "research", "statistics": "research"}


@pytest.mark.parametrize("purpose", ALLOWED_BY)
@pytest.mark.parametrize("command", ["region", "variant"])
def test_counts(everywhere, command, purpose):
    assert getattr(everywhere, command)(purpose) == cases(ALLOWED_BY[purpose])


@pytest.mark.parametrize("command", ["carriers", "genome"])
def test_persons(everywhere, command):
    assert getattr(everywhere, command)() == cases("care")


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
