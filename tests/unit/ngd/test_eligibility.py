"""Decisions kept in the vault's folder: used while nothing changed, and never a moment longer."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ngd_builders import Consents, make_database, write_gvcf

from wgs_pipeline import ngd
from wgs_pipeline.ngd import eligibility
from wgs_pipeline.ngd.erase import erase
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.vault import Vault

#: Files that changed more recently may change again unseen: their decisions are not kept.
UNSETTLED_S = 2.1
SITE = "chr1-5-A-C"


@dataclass
class Loaded:
    folder: Path
    root: Path
    consents: Consents

    @property
    def kept(self) -> Path:
        return self.folder / "vault" / "eligible.care.json"

    def load(self, number: int) -> None:
        line = "chr1 5 A C . . GT:DP:GQ 0/1:30:50"
        gvcf = write_gvcf(self.folder / f"S{number}.g.vcf", f"S{number}", [line])
        load(self.root, Request(f"S{number}", gvcf, f"person-{number}", "female", "wgs"))

    def carriers(self) -> int:
        """Carriers that care sees, as a process of its own would find them."""
        with ngd.open(self.root, "care") as database:
            return database.variant(SITE)["AC"][0].as_py()


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Three carriers, and a register that has rested long enough."""
    folder = tmp_path_factory.mktemp("eligible")
    consents = Consents(folder / "consents.tsv")
    for number in range(6):
        consents.add(f"person-{number}", "analysis", "given")
    loaded = Loaded(folder, make_database(folder), consents)
    for number in range(3):
        loaded.load(number)
    time.sleep(UNSETTLED_S)
    return loaded


def test_kept_decisions_are_used_until_anything_changes(settled: Loaded):
    assert settled.carriers() == 3
    _forge(settled.kept, [True, False, False])
    assert settled.carriers() == 1  # so what is kept is what is used

    settled.load(3)
    assert settled.carriers() == 4, "a genome more"
    _forge(settled.kept, [True, False, False, False])
    assert settled.carriers() == 1

    root = Root.open(settled.root)
    with Vault(root.vault) as vault:
        erase(root, vault, ["person-3"], lambda certificate: None)
    assert settled.carriers() == 3, "a genome less"
    _forge(settled.kept, [True, False, False])

    settled.consents.add("person-1", "analysis", "withdrawn")
    assert settled.carriers() == 2, "an event of just now"


def test_a_register_that_just_changed_is_judged_each_time(tmp_path: Path):
    consents = Consents(tmp_path / "consents.tsv")
    consents.add("person-0", "analysis", "given")
    fresh = Loaded(tmp_path, make_database(tmp_path), consents)
    fresh.load(0)
    assert fresh.carriers() == 1
    assert not fresh.kept.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace('"count": 3', '"count": 2'),
        lambda text: json.dumps(json.loads(text) | {"slots": base64.b64encode(b"\x00").decode()}),
        lambda text: json.dumps(json.loads(text) | {"basis": "0" * 64}),
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: json.dumps(json.loads(text) | {"slots": None}),
        lambda text: "",
    ],
)
def test_damaged_decisions_are_not_used(tmp_path: Path, damage):
    path = tmp_path / "eligible.care.json"
    eligibility._write(path, "a", np.array([True, False, True]))
    assert eligibility._read(path, "a").tolist() == [True, False, True]
    assert eligibility._read(path, "b") is None
    path.write_text(damage(path.read_text()))
    assert eligibility._read(path, "a") is None


def _forge(path: Path, allowed: list[bool]) -> None:
    """Other decisions with the same basis, as if they had been made so."""
    basis = json.loads(path.read_text())["basis"]
    eligibility._write(path, basis, np.array(allowed))
