"""What an export says of itself: manifest and data dictionary, and that it names no one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.files import write_json, write_text
from wgs_pipeline.ngd import export_dictionary, interchange
from wgs_pipeline.ngd.export_cohort import Cohort
from wgs_pipeline.ngd.export_folder import FORMAT, MANIFEST
from wgs_pipeline.ngd.export_genotypes import HEADER_LINES, Written
from wgs_pipeline.ngd.export_regions import Regions, region_texts
from wgs_pipeline.ngd.export_scan import refuse_identifiers, tokens, words
from wgs_pipeline.ngd.layout import sha256_of
from wgs_pipeline.ngd.projects import ResearchProject
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.vcf_writer import header
from wgs_pipeline.vault import Genome

#: Words that the headers of the VCF files hold whoever is in them.
_HEADER_WORDS = tokens(
    header({}, (*HEADER_LINES, *interchange.INFO_LINES, "wgs_export generation"), ("",)).decode()
)


@dataclass(frozen=True)
class Statement:
    """What the manifest states.

    Attributes:
        project: The approval; None for care and quality.
        purpose: What it was made for.
        data: ``genotypes`` or ``frequencies``.
        release: The release that it is of; None for care and quality.
        generation: The generation that it was made of.
        consent_as_of: The moment of which consent was asked.
        persons: Persons in it.
        eligible: Genomes in it, the denominator of its counts.
        consent_digest: Who was in, as a keyed code.
        removed: Persons of the last export of the project who are not in it; None: the first.
        variants: Variants in it.
        regions: What it covers.
        written: How much of person-level data; None without any.
    """

    project: ResearchProject | None
    purpose: str
    data: str
    release: int | None
    generation: int
    consent_as_of: datetime
    persons: int
    eligible: int
    consent_digest: str
    removed: int | str | None
    variants: int
    regions: Regions
    written: Written | None

    def as_json(self) -> dict[str, Any]:
        """The manifest but for the files."""
        return {
            "format": FORMAT,
            "project": None if self.project is None else _approval(self.project),
            "purpose": self.purpose,
            "data": self.data,
            "release": self.release,
            "generation": self.generation,
            "consent_as_of": self.consent_as_of.isoformat(timespec="seconds"),
            "persons": self.persons,
            "eligible": self.eligible,
            "consent_digest": self.consent_digest,
            "persons_removed_since_last_export": self.removed,
            "variants": self.variants,
            "regions": list(region_texts(self.regions)),
            "rows": None if self.written is None else asdict(self.written),
        }


def describe(
    folder: Path,
    statement: Statement,
    cohort: Cohort,
    genomes: Sequence[Genome],
    reference: Reference,
) -> None:
    """Write data dictionary and manifest, then look everything over.

    Args:
        folder: The export; all other files are there.
        statement: What the manifest states.
        cohort: Whose genomes are in it.
        genomes: All genomes that the vault knows.
        reference: Reference of the database.

    Raises:
        NgdError: Something in the export may identify a person.
    """
    names = {each.name + ("/" if each.is_dir() else "") for each in folder.iterdir()}
    dictionary = export_dictionary.text(names)
    write_text(folder / export_dictionary.NAME, dictionary)
    files = {str(each.relative_to(folder)): each for each in sorted(folder.rglob("*"))}
    digests = {name: sha256_of(each) for name, each in files.items() if each.is_file()}
    manifest = statement.as_json()
    write_json(folder / MANIFEST, manifest | {"files": digests})
    own = tokens(" ".join(words({**manifest, "project": None}))) | tokens(dictionary)
    own |= {part for name in files for part in Path(name).parts} | _HEADER_WORDS
    own |= {str(reference.contigs[name]) for name in statement.regions} | set(statement.regions)
    own.add(str(statement.generation))
    identifiers = {name for each in genomes for name in (each.patient_id, each.sample_id)}
    named = {*cohort.samples, *cohort.table["person"].to_pylist()}
    refuse_identifiers(folder, named, identifiers, own)


def _approval(project: ResearchProject) -> dict[str, Any]:
    return {
        "id": project.id,
        "approval": project.approval,
        "duo": list(project.duo),
        "valid_from": project.valid_from.isoformat(),
        "valid_to": project.valid_to.isoformat(),
        "minimum_count": project.minimum_count,
    }
