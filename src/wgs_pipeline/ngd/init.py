"""Making an empty database, and giving it its reference."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import write_json, write_text
from wgs_pipeline.ngd.generation import (
    Generation,
    member_table,
    publish,
    put_published,
    write_generation,
)
from wgs_pipeline.ngd.home import claim, require_home
from wgs_pipeline.ngd.layout import Root, Settings, settings_text, stored_path
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.settings import adopt_settings
from wgs_pipeline.vault import Vault


@dataclass(frozen=True)
class Wanted:
    """What ``wgs ngd init`` was asked for.

    Attributes:
        vault: Folder of the vault, outside ROOT.
        consents: The consent register.
        reference: FASTA (plain or bgzip) with its index beside it, or a .fai; None: unknown.
        par_bed: BED of the pseudoautosomal regions.
        names: Configured names of ``x``, ``y`` and ``mitochondrion``.
        optouts: Opt-out list of a national register; None: none, or the one that is there.
        register_max_age: As in ``Settings``; None: any, or what is set.
        register_max_shrink: As in ``Settings``; None: its default, or what is set.
    """

    vault: Path
    consents: Path
    reference: Path | None = None
    par_bed: Path | None = None
    names: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    min_dp: int = 10
    min_gq: int = 20
    research_default: str = "allowed"
    on_withdrawal: str = "erase"
    optouts: Path | None = None
    register_max_age: float | None = None
    register_max_shrink: float | None = None


def initialise(path: Path, wanted: Wanted) -> bool:
    """Make an empty database, or confirm that the one there is as wanted.

    Returns:
        Whether it was made now.

    Raises:
        NgdError: The vault would lie in ROOT, or a database with other settings is there.
    """
    if wanted.vault.resolve().is_relative_to(path.resolve()):
        raise NgdError(
            f"{wanted.vault}: the vault lies below ROOT {path}; expected a folder outside, since "
            "it knows who is who. Give another --vault"
        )
    reference = None if wanted.reference is None else read_reference(wanted)
    exists = (path / "ngd.json").exists()
    if exists and Root.open(path).vault.resolve() != wanted.vault.resolve():
        raise NgdError(
            f"{path}: a database with another vault is there. Give its vault, or another ROOT"
        )
    with Vault.create(wanted.vault) as vault, vault.lease():
        settings = _settings(path, wanted, vault)
        if exists:
            require_home(Root.open(path), vault)
            _confirm(Root.open(path), settings, reference)
            if (path / "CURRENT").exists():
                _adopt_register(path, wanted, vault)
        elif vault.get("generation") not in (None, "0"):
            raise NgdError(
                f"{wanted.vault}: the vault of another database; expected a new folder. "
                "Give each database its own vault"
            )
        made = not (path / "CURRENT").exists()
        if made:
            _first_generation(Root(path, settings), vault, reference)
        elif vault.get("root") is None:  # made before vaults knew where their database lies
            with vault.transaction():
                claim(Root.open(path), vault)
    return made


def adopt_reference(root: Root, vault: Vault, reference: Reference) -> None:
    """Give a database that was made without a reference that of its first genome."""
    with vault.lease():
        if not (root.path / "reference.json").exists():
            write_json(root.path / "reference.json", reference.as_json())


def read_reference(wanted: Wanted) -> Reference:
    """Contigs of a FASTA index, roles and PAR.

    Raises:
        NgdError: There is no index.
        ProblemsError: The index or the BED is malformed.
    """
    from wgs_pipeline.reference import read_bed, read_contigs

    assert wanted.reference is not None
    is_index = wanted.reference.suffix == ".fai"
    fai = wanted.reference if is_index else Path(f"{wanted.reference}.fai")
    if not fai.exists():
        raise NgdError(f"{fai}: no such index; expected it beside the FASTA. Run samtools faidx")
    contigs = {each.name: each.length for each in read_contigs(fai)}
    par: dict[str, tuple[tuple[int, int], ...]] | None = None
    if wanted.par_bed is not None:
        par = {}
        for each in read_bed(wanted.par_bed):
            par[each.contig] = (*par.get(each.contig, ()), (each.start, each.end))
    return Reference.build(contigs, par, wanted.names)


def _settings(path: Path, wanted: Wanted, vault: Vault) -> Settings:
    fasta = None if wanted.reference is None else _fasta_of(wanted.reference)
    return Settings(
        identity=vault.require("identity"),
        public_key=vault.public_key(),
        vault=stored_path(wanted.vault, path),
        consents=stored_path(wanted.consents, path),
        reference_fasta=None if fasta is None else stored_path(fasta, path),
        min_dp=wanted.min_dp,
        min_gq=wanted.min_gq,
        research_default=wanted.research_default,
        on_withdrawal=wanted.on_withdrawal,
        **_register_settings(path, wanted),
    )


def _register_settings(path: Path, wanted: Wanted) -> dict[str, Any]:
    """What was asked for of the register's safeguards."""
    asked = {
        "optouts": None if wanted.optouts is None else stored_path(wanted.optouts, path),
        "register_max_age": wanted.register_max_age,
        "register_max_shrink": wanted.register_max_shrink,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _fasta_of(reference: Path) -> Path | None:
    """The FASTA itself, also where its index was given and the FASTA stands beside that."""
    if reference.suffix != ".fai":
        return reference
    fasta = reference.with_suffix("")
    return fasta if fasta.exists() else None


def _adopt_register(path: Path, wanted: Wanted, vault: Vault) -> None:
    """Give a database that is there the opt-out list and safeguards asked for, where it has others.

    A list is never taken away so: without it, people who refused would count as consenting.
    """
    root = Root.open(path)
    adopted = dataclasses.replace(root.settings, **_register_settings(path, wanted))
    adopt_settings(root, vault, adopted)


def _first_generation(root: Root, vault: Vault, reference: Reference | None) -> None:
    root.path.mkdir(parents=True, exist_ok=True)
    if reference is not None:
        write_json(root.path / "reference.json", reference.as_json())
    root.inbox.mkdir(exist_ok=True)
    write_text(root.path / "ngd.json", settings_text(root.settings))
    manifest = write_generation(root, Generation(0, member_table(()), {}), None)
    with vault.transaction():
        put_published(vault, 0, manifest)
        claim(root, vault)
    publish(root, vault)


def _confirm(root: Root, settings: Settings, reference: Reference | None) -> None:
    there, asked = dataclasses.asdict(root.settings), dataclasses.asdict(settings)
    if None in (there["reference_fasta"], asked["reference_fasta"]):
        asked["reference_fasta"] = there["reference_fasta"]  # not known then, or not there now
    for name in ("optouts", "register_max_age", "register_max_shrink"):
        asked[name] = there[name]  # another is adopted
    differing = [
        f"{name} is {there[name]!r}, asked for {asked[name]!r}"
        for name in there
        if there[name] != asked[name]
    ]
    file = root.path / "reference.json"
    if reference is not None and file.exists():
        now = json.loads(json.dumps(reference.as_json()))
        if json.loads(file.read_text(encoding="utf-8")) != now:
            differing.append("the reference is another")
    if differing:
        raise NgdError(
            f"{root.path}: a database with other settings is there ({'; '.join(differing)}). "
            "Give the same settings, or another ROOT"
        )
