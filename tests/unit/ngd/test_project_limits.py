"""A project is held to its approval: each refusal has a name, exit code 1 and a line in the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from ngd_builders import Consents, make_database, publish_release, write_gvcf

from wgs_pipeline import audit, ngd
from wgs_pipeline.cli import main
from wgs_pipeline.errors import ConfigError, ProjectError
from wgs_pipeline.ngd.duo import Code
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.projects import read_project
from wgs_pipeline.tables import load_schema

OBO = """\
format-version: 1.2
ontology: mondo

[Term]
id: MONDO:0000001
name: heart disease

[Term]
id: MONDO:0000002
name: long QT syndrome
is_a: MONDO:0000001 {source="x"} ! heart disease

[Typedef]
id: part_of
is_a: nothing
"""
HEART, LQT, OTHER = "MONDO:0000001", "MONDO:0000002", "MONDO:0000003"
TODAY = datetime.now(UTC).date()
APPROVAL = {
    "id": "p1", "title": "t", "approval": {"number": "A-1", "committee": "c"}, "purpose": "x",
    "duo": ["DUO:0000006"], "valid_from": "2024-01-01", "valid_to": "2099-12-31",
    "users": [audit.system_user()], "data": ["frequencies", "genotypes"],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five persons, a release, a table of genes and an ontology."""
    folder = tmp_path_factory.mktemp("projects")
    consents, root = Consents(folder / "consents.tsv"), make_database(folder)
    lines = ["chr1 1 A <*> . END=9 GT:GQ:MIN_DP 0/0:50:30",
             "chr1 10 A G . . GT:DP:GQ 0/1:30:50",
             "chr1 11 A <*> . END=60 GT:GQ:MIN_DP 0/0:50:30"]  # fmt: skip
    for number in range(5):
        consents.add(f"person-{number}", "analysis", "given")
        gvcf = write_gvcf(folder / f"S{number}.g.vcf", f"S{number}", lines)
        load(root, Request(f"S{number}", gvcf, f"person-{number}", "female"))
    publish_release(root)
    (folder / "genes.bed").write_text("chr1\t4\t12\tONE\nchr1\t40\t50\tTWO\n")
    (folder / "mondo.obo").write_text(OBO)
    return folder


def write(folder: Path, **changes: object) -> Path:
    path = folder / "project.yaml"
    path.write_text(yaml.safe_dump(APPROVAL | changes))
    return path


def ask(folder: Path, capsys: pytest.CaptureFixture[str], *question: str, code: int) -> str:
    """Ask as a user does; gives what is said on standard error, after looking at the log."""
    before = len(list(audit.entries(folder / "ngd" / "audit")))
    action, *rest = question or ("region", "chr1:8-12")
    if action == "export":
        rest += ["-o", str(folder / "export")]
    if "--purpose" not in rest:
        rest += ["--purpose", "research"]
    project = str(folder / "project.yaml")
    with pytest.raises(SystemExit) as end:
        main(["ngd", action, str(folder / "ngd"), *rest, "--project", project])
    said = capsys.readouterr()
    assert end.value.code == code, said.err
    lines = list(audit.entries(folder / "ngd" / "audit"))[before:]
    assert [each["decision"] for each in lines] == ["refused" if code else "answered"]
    assert (lines[0]["action"], lines[0]["project"]) == (action, "p1")
    if code:
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert not (folder / "export").exists()
        assert lines[0]["reason"][:100] in said.err
    return said.err


DAY = timedelta(days=1)
USE = {"kind": "disease", "disease": LQT}
DS = {"duo": ["DUO:0000007"], "diseases": [HEART], "ontology": "mondo.obo"}
REFUSED = [
    ("expired yesterday", {"valid_to": str(TODAY - DAY)}, (), "is valid from"),
    ("valid from tomorrow", {"valid_from": str(TODAY + DAY)}, (), "is valid from"),
    ("another user", {"users": ["someone-else"]}, (), "is not among the users of project p1"),
    ("another actor", {}, ("region", "chr1:8-12", "--actor", "eve"), "user 'eve' is not among"),
    ("region beside", {"regions": ["chr1:20-30"]}, (), "does not cover chr1:8-12"),
    ("region half outside", {"regions": ["chr1:1-10"]}, (), "does not cover chr1:11-12"),
    ("region on another contig", {"regions": ["chrX"]}, (), "does not cover chr1:8-12"),
    ("variant outside", {"regions": ["chr1:1-9"]}, ("variant", "chr1-10-A-G"), "chr1:10-10"),
    ("gene outside", {"genes": {"file": "genes.bed", "names": ["TWO"]}}, (), "chr1:8-12"),
    ("gene half outside", {"genes": {"file": "genes.bed", "names": ["ONE"]}},
     ("region", "chr1:8-13"), "does not cover chr1:13-13; expected a part of ONE"),
    ("counts not permitted", {"data": ["genotypes"]}, (), "does not cover frequencies"),
    ("genotypes not permitted", {"data": ["frequencies"]}, ("export",), "not cover genotypes"),
    ("counts of an export not permitted", {"data": ["genotypes"]},
     ("export", "--frequencies-only"), "does not cover frequencies"),
    ("export expired", {"valid_to": str(TODAY - DAY)}, ("export",), "is valid from"),
    ("another disease", {**DS, "use": {"kind": "disease", "disease": OTHER}}, (),
     f"of the project, DS (DUO:0000007) permits no disease research of {OTHER}"),
    ("a kind of it, without ontology", {**DS, "ontology": "mondo.obo", "diseases": [OTHER],
                                        "use": USE}, (), "permits no disease research"),
    ("health in general", DS, (), "DS (DUO:0000007) permits no health research"),
    ("statistics", {**DS, "use": USE}, ("region", "chr1:8-12", "--purpose", "statistics"),
     "permits no population research"),
    ("ancestry by its own codes", {"use": {"kind": "ancestry"}}, (), "of the project, HMB"),
    ("ancestry of the plane", {"duo": ["DUO:0000011"], "use": {"kind": "ancestry"}}, (),
     "of the research plane, HMB (DUO:0000006) permits no ancestry research"),
    ("general by its own codes", {"duo": ["DUO:0000042"], "use": {"kind": "ancestry"}}, (),
     "of the research plane, HMB"),
    ("commercial", {"duo": ["DUO:0000006", "DUO:0000046"], "use": {"commercial": True}}, (),
     "NCU (DUO:0000046) permits no commercial use"),
    ("for profit", {"duo": ["DUO:0000006", "DUO:0000018"], "use": {"for_profit": True}},
     ("export",), "NPUNCU (DUO:0000018)"),
    ("methods", {"duo": ["DUO:0000006", "DUO:0000015"], "use": {"kind": "methods"}}, (),
     "HMB (DUO:0000006) permits no methods research"),
    ("abroad", {"use": {"country": "SE"}}, (), "GS (DUO:0000022) does not permit use in SE"),
    ("not published", {"duo": ["DUO:0000006", "DUO:0000019"]}, (), "PUB (DUO:0000019)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "question", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_the_approval_does_not_cover_is_refused_and_logged(
    folder, capsys, changes, question, said
):
    project = write(folder, **changes)
    assert said in ask(folder, capsys, *question, code=1)
    if not question:
        with (
            ngd.open(folder / "ngd", "research", project) as database,
            pytest.raises(ProjectError),
        ):
            database.region("chr1:8-12")


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_from": str(TODAY), "valid_to": str(TODAY)},
        {"regions": ["chr1:8-9", "chr1:10-12"]},
        {"genes": {"file": "genes.bed", "names": ["ONE"]}},
        {"genes": {"file": "genes.bed", "names": ["TWO"]}, "regions": ["chr1:8-12"]},
        {**DS, "use": USE},
        {**DS, "use": {"kind": "disease", "disease": HEART}},
        {"duo": ["DUO:0000042"], "use": {"kind": "methods"}},
        {"use": {"institution": "A university", "commercial": True, "for_profit": True}},
        {"duo": [str(each) for each in (Code.HMB, Code.COL, Code.PUB, Code.RTN, Code.GSO)],
         "use": {"collaborators": ["ann"], "publishes": True, "returns": True}},
    ],
)  # fmt: skip
def test_what_it_covers_is_answered(folder, capsys, changes):
    write(folder, **changes)
    assert "release=1" in ask(folder, capsys, code=0)


def test_an_export_is_of_the_genes_of_the_project(folder, capsys, tmp_path):
    project = write(folder, genes={"file": "genes.bed", "names": ["TWO"]})
    arguments = ["ngd", "export", str(folder / "ngd"), "--project", str(project)]
    with pytest.raises(SystemExit) as end:
        main([*arguments, "-o", str(tmp_path / "out")])
    assert end.value.code == 0
    assert '"chr1:41-50"' in (tmp_path / "out" / "manifest.json").read_text()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"purposes": ["insurance"]}, "Additional properties"),
        ({"use": {"king": "disease"}}, "Additional properties"),
        ({"approval": {"number": "1"}}, "'committee' is a required property"),
        ({"use": {"kind": "insurance"}}, "is not one of"),
        ({"duo": ["DUO:0000021"]}, "exactly one of GRU"),
        ({"duo": ["DUO:0000006", "DUO:0000042"]}, "exactly one of GRU"),
        ({"duo": ["DUO:0000006", "DUO:9999999"]}, "is not one of"),
        ({"duo": ["DUO:0000007"]}, "diseases: expected with DS"),
        ({"diseases": [HEART]}, "diseases: expected with DS"),
        ({"use": {"kind": "disease"}}, "use.disease: expected with use.kind disease"),
        ({"use": {"disease": HEART}}, "use.disease: expected with use.kind disease"),
        ({**DS, "ontology": "missing.obo", "use": USE}, "cannot be read as an ontology"),
        ({**DS, "ontology": "genes.bed", "use": USE}, "no term with 'is_a'"),
        ({"minimum_count": 4}, "less than the minimum of 5"),
        ({"users": []}, "users"),
        ({"regions": []}, "regions"),
        ({"genes": {"names": ["ONE"]}}, "'file' is a required property"),
    ],
)
def test_a_project_file_that_does_not_fit_together_is_refused(folder, changes, said):
    with pytest.raises(ConfigError, match=said):
        read_project(write(folder, **changes))


@pytest.mark.parametrize("key", ["id", "title", "approval", "purpose", "duo", "valid_from",
                                 "valid_to", "users", "data"])  # fmt: skip
def test_what_a_project_must_say(folder, key):
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in APPROVAL.items() if k != key}))
    with pytest.raises(ConfigError, match=f"'{key}' is a required property"):
        read_project(path)


def test_the_schema_is_closed_and_knows_every_code():
    schema = load_schema("project")
    assert set(schema["properties"]["duo"]["items"]["enum"]) == {str(code) for code in Code}
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if each.get("type") == "object":
            assert each["additionalProperties"] is False
            for value in each["properties"].values():
                assert "description" in value
                waiting.append(value)
