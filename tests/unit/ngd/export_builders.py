"""A small database of men and women on all kinds of contigs, to be exported."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

import yaml
from ngd_builders import Consents, make_database, publish_release, write_gvcf
from ngd_random import CONTIGS, PAR, gvcf_lines

from wgs_pipeline import audit, ngd
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.export import Wanted, export
from wgs_pipeline.ngd.export_manifest import Statement
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.released import Release
from wgs_pipeline.vault import Vault

SEXES = ("female", "male", "male", "female", "unknown")


def write_project(path: Path, **changes: object) -> Path:
    value = {
        "id": "p1", "title": "t", "approval": {"number": "A-17", "committee": "c"},
        "purpose": "x", "duo": ["DUO:0000006"], "valid_from": "2024-01-01",
        "valid_to": "2099-12-31", "users": [audit.system_user()],
        "data": ["frequencies", "genotypes"],
    } | changes  # fmt: skip
    path.write_text(yaml.safe_dump(value))
    return path


class Study:
    """Persons 0, 1, … (CPR numbers) with samples NGC-0, NGC-1, …, each loaded for itself."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder, self.rng = folder, Random(seed)
        self.consents = Consents(folder / "consents.tsv")
        self.path = make_database(folder, CONTIGS, PAR)
        self.project = write_project(folder / "project.yaml")

    @staticmethod
    def person(number: int) -> str:
        return f"0101{number + 10:02d}-{1000 + number}"

    def add(self, number: int, lines: list[str] | None = None, **options: object) -> None:
        self.consents.add(self.person(number), "analysis", "given")
        sample = f"NGC-{number}"
        gvcf = write_gvcf(
            self.folder / f"{sample}.g.vcf", sample, lines or gvcf_lines(self.rng), CONTIGS
        )
        sex = SEXES[number % len(SEXES)]
        load(self.path, Request(sample, gvcf, self.person(number), sex, **options))  # type: ignore[arg-type]

    def refuse(self, number: int) -> None:
        self.consents.add(self.person(number), "research", "refused")

    def compact(self) -> None:
        root = Root.open(self.path)
        with Vault(root.vault) as vault:
            compact(root, vault)

    def publish(self) -> Release:
        return publish_release(self.path)

    def export(
        self, name: str = "out", purpose: str = "research", project: Path | None = None,
        **wanted: object,
    ) -> tuple[Path, Statement]:  # fmt: skip
        asked = None if purpose in ("care", "quality") else project or self.project
        with ngd.open(self.path, purpose, asked) as database:
            done = export(database, Wanted(self.folder / name, **wanted))  # type: ignore[arg-type]
        return self.folder / name, done

    def log(self) -> list[dict]:
        return list(audit.entries(Root.open(self.path).audit))


def lines_of(*command: object) -> list[str]:
    """What a command prints, by line."""
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
