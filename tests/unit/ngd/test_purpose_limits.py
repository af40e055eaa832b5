"""What genomes are never used for: every command refuses, says so, and logs it; nothing widens it.

The commands are found, not listed: one that is added with ``--purpose`` is attacked here as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from ngd_builders import Consents, make_database, write_gvcf

from wgs_pipeline import audit, ngd
from wgs_pipeline.cli import main
from wgs_pipeline.cli.ngd import command as ngd_group
from wgs_pipeline.consent.purposes import REFUSED, Purpose, parse_purpose
from wgs_pipeline.errors import ConfigError, ProblemsError, PurposeError
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.projects import read_project

NAMED = ("insurance", "pension", "employment", "law_enforcement", "marketing")
UNKNOWN = (
    "all", "any", "none", "default", "true", "1", "*", "Purpose.CARE", "care,insurance",
    "care;insurance", "care insurance", "care\ninsurance", "care+insurance", "care|insurance",
    "insurance,care", "[care]", "'care'", "care\\", "cares", "car",
    "c\N{CYRILLIC SMALL LETTER A}re", "\N{FULLWIDTH LATIN SMALL LETTER C}are",
    "ca\N{ZERO WIDTH SPACE}re", "care\N{ZERO WIDTH JOINER}",
    "\N{RIGHT-TO-LEFT OVERRIDE}erac", "re\N{LATIN SMALL LETTER LONG S}earch", "cáre",
    "statisti\N{ROMAN NUMERAL ONE HUNDRED}s", "../care", "$(care)", "610170-0001", "x" * 5000,
)  # fmt: skip
DISGUISED = (
    "Insurance", "INSURANCE", " insurance", "insurance ", "\tinsurance\n", "law-enforcement",
    "Law Enforcement", "LAW_ENFORCEMENT", "Marketing ", "pension\N{NO-BREAK SPACE}", "Employer",
    "underwriting", "police",
)  # fmt: skip


def purpose_commands() -> Iterator[tuple[str, click.Command]]:
    """Commands of ``wgs ngd`` with an option ``--purpose``."""
    context = click.Context(ngd_group)
    for name in ngd_group.list_commands(context):
        command = ngd_group.get_command(context, name)
        if any("--purpose" in parameter.opts for parameter in command.params):
            yield name, command


def arguments_of(name: str, command: click.Command, folder: Path) -> list[str]:
    """A call of a command in which only the purpose is missing."""
    arguments = ["ngd", name]
    for parameter in command.params:
        is_path = isinstance(parameter.type, click.Path)
        value = str(folder / "some-file") if is_path else "chr1:1-60"
        if parameter.name == "root":
            arguments.append(str(folder / "ngd"))
        elif isinstance(parameter, click.Argument):
            arguments.append(value)
        elif parameter.required and parameter.name != "purpose":
            arguments += [parameter.opts[-1], value]
    return arguments


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("limits")
    consents = Consents(folder / "consents.tsv")
    consents.add("person-one", "analysis", "given")
    root = make_database(folder)
    gvcf = write_gvcf(folder / "S1.g.vcf", "S1", ["chr1 10 A G . . GT:DP:GQ 0/1:30:50"])
    load(root, Request("S1", gvcf, "person-one", "female"))
    return folder


def refused(folder: Path, arguments: list[str], capsys) -> tuple[str, dict]:
    """The message of a call that must be refused with exit code 1, and its line in the log."""
    before = len(list(audit.entries(folder / "ngd" / "audit")))
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (1, "")
    assert not (folder / "some-file").exists()
    after = list(audit.entries(folder / "ngd" / "audit"))[before:]
    assert [line["decision"] for line in after] == ["refused"]
    return said.err, after[0]


def test_commands_are_found():
    names = {name for name, _ in purpose_commands()}
    assert {"region", "variant", "carriers", "genome"} <= names


@pytest.mark.parametrize("word", NAMED)
@pytest.mark.parametrize(("name", "command"), [*purpose_commands()])
def test_every_command_refuses_by_name(folder, capsys, name, command, word):
    call = [*arguments_of(name, command, folder), "--purpose", word]
    message, line = refused(folder, call, capsys)
    assert "is refused: genomes are never used for" in message
    assert "no setting allows it" in message
    assert (line["purpose"], line["action"]) == (word, "open")
    assert REFUSED[word] in line["reason"]


@pytest.mark.parametrize("word", [*UNKNOWN, *DISGUISED])
def test_no_spelling_gets_through(folder, capsys, word):
    call = ["ngd", "region", str(folder / "ngd"), "chr1:1-60", "--purpose", word]
    message, line = refused(folder, call, capsys)
    expected = "is refused: genomes" if word in DISGUISED else "unknown purpose"
    assert expected in message
    assert "610170" not in message + str(line)
    assert len(message) < 400
    with pytest.raises(PurposeError):
        parse_purpose(word)
    with pytest.raises(PurposeError):
        ngd.open(folder / "ngd", word)


@pytest.mark.parametrize("word", ["", " ", "\N{NO-BREAK SPACE}"])
def test_no_word_is_no_purpose(folder, capsys, word):
    call = ["ngd", "region", str(folder / "ngd"), "chr1:1-60", "--purpose", word]
    assert "unknown purpose" in refused(folder, call, capsys)[0]


@pytest.mark.parametrize("word", ["care", "CARE", " Care ", "quality"])
def test_spelling_does_not_narrow_either(folder, capsys, word):
    with pytest.raises(SystemExit) as end:
        main(["ngd", "region", str(folder / "ngd"), "chr1:1-60", "--purpose", word])
    assert end.value.code == 0
    assert "chr1\t10" in capsys.readouterr().out


def test_the_last_purpose_counts_and_no_flag_adds_one(folder, capsys):
    call = ["ngd", "region", str(folder / "ngd"), "chr1:1-60"]
    refused(folder, [*call, "--purpose", "care", "--purpose", "insurance"], capsys)
    for more in (["--allow", "insurance"], ["--purposes", "insurance"], ["--force"],
                 ["--purpose=care", "insurance"], ["--any-purpose"]):  # fmt: skip
        with pytest.raises(SystemExit) as end:
            main([*call, "--purpose", "insurance", *more])
        assert end.value.code in (1, 2)
        assert "chr1\t10" not in capsys.readouterr().out


def test_no_environment_variable_widens_it(folder):
    names = ["PURPOSE", "PURPOSES", "ALLOW", "ALLOWED_PURPOSES", "POLICY", "REFUSED", "FORCE",
             "DEBUG", "NGD_REGION_PURPOSE", "NGD_PURPOSE", "REGION_PURPOSE"]  # fmt: skip
    environment = {
        f"{prefix}{name}": "insurance" for name in names for prefix in ("", "WGS_", "WGS_PIPELINE_")
    }
    wgs = str(Path(sys.executable).with_name("wgs"))
    command = [wgs, "ngd", "region", str(folder / "ngd"), "chr1:1-60", "--purpose", "insurance"]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "never used for insurance" in done.stderr
    done = subprocess.run(
        command[:-2], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, "a purpose is never taken from anywhere but the command line"


CONFIG = """\
samples: samples.tsv
units: units.tsv
consents: consents.tsv
results: results
reference: {build: small, fasta: reference.fa}
ngd: {root: ngd, vault: vault}
"""


@pytest.mark.parametrize(
    "more",
    [
        "policy: {purposes: [insurance]}\n",
        "policy: {allowed_purposes: [insurance]}\n",
        "policy: {research_default: insurance}\n",
        "policy: {refused: []}\n",
        "purposes: [insurance]\n",
    ],
)
def test_no_key_of_the_configuration_widens_it(tmp_path, more):
    from wgs_pipeline.config import load_config

    (tmp_path / "config.yaml").write_text(CONFIG + more)
    with pytest.raises(ProblemsError):
        load_config(tmp_path / "config.yaml")


APPROVAL = {
    "id": "p1", "title": "t", "approval": {"number": "1", "committee": "c"},
    "purpose": "insurance", "duo": ["DUO:0000042"], "valid_from": "2024-01-01",
    "valid_to": "2099-12-31", "data": ["frequencies", "genotypes"],
}  # fmt: skip


def test_no_project_widens_it(folder, tmp_path, capsys):
    """The text of a project's purpose permits nothing, and a project has no key for purposes."""
    file = tmp_path / "project.yaml"
    approval = APPROVAL | {"users": [audit.system_user()]}
    file.write_text(yaml.safe_dump(approval))
    call = ["ngd", "region", str(folder / "ngd"), "chr1:1-60", "--project", str(file)]
    assert "never used" in refused(folder, [*call, "--purpose", "insurance"], capsys)[0]
    for key in ("purposes", "allowed_purposes", "allow"):
        file.write_text(yaml.safe_dump({**approval, key: ["insurance"]}))
        with pytest.raises(ConfigError):
            read_project(file)


def test_no_setting_of_the_database_widens_it(folder, capsys):
    """What is written into ngd.json by hand either means nothing or stops every command."""
    settings = folder / "ngd" / "ngd.json"
    text = settings.read_text()
    call = ["ngd", "region", str(folder / "ngd"), "chr1:1-60", "--purpose", "insurance"]
    try:
        settings.write_text(text.replace('"allowed"', '"insurance"'))
        assert "never used" in refused(folder, call, capsys)[0]
        settings.write_text(text.replace("{", '{"purposes": ["insurance"],', 1))
        with pytest.raises(SystemExit) as end:
            main(call)
        assert end.value.code == 1
        assert capsys.readouterr().out == ""
    finally:
        settings.write_text(text)


def test_the_list_itself_cannot_be_changed():
    assert {str(each) for each in Purpose} == {"care", "quality", "statistics", "research"}
    with pytest.raises((TypeError, ValueError)):
        Purpose("insurance")
    with pytest.raises(TypeError):
        Purpose["CARE"] = "insurance"
    with pytest.raises(AttributeError):
        Purpose.CARE.value = "insurance"


@pytest.mark.parametrize("word", [*NAMED, "everything", "care,insurance"])
def test_asking_what_consent_would_allow(folder, capsys, word):
    """``wgs consent status`` touches no database, so there is no log that could hold a line."""
    call = ["consent", "status", str(folder / "consents.tsv"), "--patient-id", "person-one"]
    with pytest.raises(SystemExit) as end:
        main([*call, "--purpose", word])
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (1, "")
    assert "refused" in said.err
