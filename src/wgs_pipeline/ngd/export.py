"""Data sets that leave the database: pseudonymised, approved, logged, and whole or not at all.

DIR/
    manifest.json          what it is, of whom (as a keyed code), and the SHA-256 of every file
    data_dictionary.tsv    every column of every file
    frequencies.parquet, frequencies.vcf.gz(.tbi)
    samples.parquet, genotypes/<contig>.parquet, callable/<contig>.parquet     format parquet
    genotypes.vcf.gz(.tbi), genotypes.bcf(.csi), genotypes.vcz/                formats vcf, bcf, …
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.errors import ConsentError, NoReleaseError, OutputError, PurposeError
from wgs_pipeline.ngd import interchange
from wgs_pipeline.ngd.database import Database
from wgs_pipeline.ngd.export_cohort import (
    Cohort,
    all_allowed,
    counted_members,
    named_cohort,
    packed_slots,
    persons_gone,
)
from wgs_pipeline.ngd.export_folder import building, earlier_export, put_in_place
from wgs_pipeline.ngd.export_genotypes import Request, Written, write_genotypes
from wgs_pipeline.ngd.export_manifest import Statement, describe
from wgs_pipeline.ngd.export_regions import Regions, chosen_regions
from wgs_pipeline.ngd.projects import ResearchProject
from wgs_pipeline.ngd.release import LEAST
from wgs_pipeline.ngd.released import Release
from wgs_pipeline.ngd.snapshot import Snapshot
from wgs_pipeline.pseudonyms import cohort_digest
from wgs_pipeline.vault import Genome, PastExport, Vault

GENOTYPES, FREQUENCIES = "genotypes", "frequencies"


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        target: Folder to make, or an earlier export of the same project to replace.
        regions: BED of the bases wanted; None: all that the project permits.
        formats: Forms of the genotypes, of ``export_genotypes.FORMATS``.
        frequencies_only: No person-level data.
    """

    target: Path
    regions: Path | None = None
    formats: tuple[str, ...] = ("parquet", "vcf")
    frequencies_only: bool = False

    @property
    def kind(self) -> str:
        """Kind of data that a project must cover."""
        return FREQUENCIES if self.frequencies_only else GENOTYPES


def export(database: Database, wanted: Wanted) -> Statement:
    """Make a data set for the purpose and project that the database was opened for.

    Research and statistics rest on the research plane alone, and on a project that covers the kind
    of data and the regions. Genotypes are of everyone whose consent allows it now; frequencies are
    of the release in force. Care and quality get frequencies alone, of everyone whose consent
    allows care, with no number left out.

    Returns:
        What the manifest states.

    Raises:
        PurposeError: The purpose does not allow person-level data.
        ConsentError: The project does not cover it, or consent changed while it was made.
        NgdError: The database is damaged, or something in the export may identify a person.
        OutputError: The folder cannot be made, or holds something else.
    """
    job = _Job(database, wanted)
    job.check_target()
    query = {
        "kind": wanted.kind,
        "regions": None if wanted.regions is None else str(wanted.regions),
        "formats": sorted(wanted.formats),
    }
    with building(wanted.target) as folder:
        with database._log.answering("export", query, wanted.kind) as access:
            statement, cohort = job.write(folder, access)
        # Logged; whoever compares exports must know of it before anyone can see it.
        job.vault.record_export(job.remembered(statement, cohort))
        put_in_place(folder, wanted.target)
    return statement


@dataclass(frozen=True)
class _Job:
    database: Database
    wanted: Wanted

    @property
    def vault(self) -> Vault:
        return self.database._vault

    @property
    def purpose(self) -> Purpose:
        return self.database._asker.purpose

    @property
    def project(self) -> ResearchProject | None:
        """The approval; care and quality need none and are given none."""
        asker = self.database._asker
        return asker.project if asker.is_aggregate else None

    @property
    def project_id(self) -> str:
        return self.project.id if self.project else ""

    def check_target(self) -> None:
        """Refuse a folder inside the database, or one with something else in it."""
        target, root = self.wanted.target.resolve(), self.database._root
        for inside in (root.path.resolve(), root.vault.resolve()):
            if target == inside or inside in target.parents:
                raise OutputError(
                    f"{self.wanted.target}: lies within {inside}; expected a folder outside the "
                    "database and its vault. Give another folder with -o"
                )
        earlier_export(self.wanted.target, self.project_id)

    def write(self, folder: Path, access: dict[str, Any]) -> tuple[Statement, Cohort]:
        """Write every file; the caller makes them visible."""
        self._check_purpose()
        moment = datetime.now(UTC)
        with self.database._snapshot(counts=self.wanted.frequencies_only) as (snapshot, release):
            genomes = self.vault.genomes()
            regions = chosen_regions(self.wanted.regions, self.project, snapshot.reference)
            cohort = self._cohort(snapshot, genomes)
            written: Written | None = None
            if self.wanted.frequencies_only:
                sites = self._write_counts(folder, snapshot, regions, release)
            else:
                request = Request(folder, regions, self.wanted.formats, self._source(snapshot))
                written = write_genotypes(self.database._root, snapshot, cohort, request)
                sites = written.sites
                release = self._add_frequencies(folder, regions)
            access.update(generation=snapshot.generation.number, persons=cohort.persons)
            if written is not None:
                access["slots"] = tuple(sorted(cohort.slots))
        self._refuse_if_consent_changed(cohort)
        gone = persons_gone(
            self.vault.exports(), self.project_id, self.wanted.kind, cohort.slots, genomes
        )
        statement = Statement(
            project=self.project,
            purpose=str(self.purpose),
            data=self.wanted.kind,
            release=None if release is None else release.number,
            generation=snapshot.generation.number,
            consent_as_of=moment,
            persons=cohort.persons,
            eligible=len(cohort),
            consent_digest=cohort_digest(self.vault.project_key(self.project_id), cohort.samples),
            removed=self._told_gone(gone),
            variants=sites,
            regions=regions,
            written=written,
        )
        describe(folder, statement, cohort, genomes, snapshot.reference)
        return statement, cohort

    def remembered(self, statement: Statement, cohort: Cohort) -> PastExport:
        """What the vault keeps of it."""
        return PastExport(
            self.project_id,
            statement.data,
            statement.purpose,
            statement.generation,
            statement.consent_as_of.isoformat(timespec="seconds"),
            packed_slots(cohort.slots),
        )

    def _check_purpose(self) -> None:
        if self.wanted.frequencies_only or self.purpose is Purpose.RESEARCH:
            return
        raise PurposeError(
            f"genotypes of many persons are exported for research only, not for {self.purpose}. "
            "Give --frequencies-only"
        )

    def _cohort(self, snapshot: Snapshot, genomes: Sequence[Genome]) -> Cohort:
        """Whose genomes."""
        members = counted_members(snapshot)
        if not members.num_rows:
            raise ConsentError(
                "no genome may be exported: none that counts is in the database, or consent "
                "allows none. Look at 'wgs ngd info'"
            )
        return named_cohort(members, genomes, self.vault.project_key(self.project_id))

    def _add_frequencies(self, folder: Path, regions: Regions) -> Release | None:
        """Write the frequencies of the release in force beside genotypes, if there is one."""
        if self.project is None or FREQUENCIES not in self.project.data:
            return None
        try:
            with self.database._snapshot() as (snapshot, release):
                self._write_counts(folder, snapshot, regions, release)
        except NoReleaseError:
            return None
        return release

    def _write_counts(
        self, folder: Path, snapshot: Snapshot, regions: Regions, release: Release | None
    ) -> int:
        """Write the frequencies; gives the number of variants."""
        contigs = {name: snapshot.reference.contigs[name] for name in regions}
        suppression = None if release is None else self.database.suppression
        source = self._source(snapshot)
        with interchange.FrequencyFiles(folder, contigs, source, suppression) as files:
            for contig, variants in interchange.all_counts(snapshot, regions):
                files.write(contig, variants)
        return files.rows

    def _source(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Header lines that say what a VCF was made of."""
        project = f"project={self.project_id}," if self.project_id else ""
        return (f"##wgs_export=<{project}generation={snapshot.generation.number}>",)

    def _refuse_if_consent_changed(self, cohort: Cohort) -> None:
        """The data set is made of those whose consent allows it when it is given out."""
        counts = self.wanted.frequencies_only
        with self.database._snapshot(counts=counts) as (snapshot, _):
            allowed = all_allowed(snapshot, cohort.slots)
        if not allowed:
            raise ConsentError(
                "consent was taken back, or a genome replaced, while the export was being made, "
                "so it is not given out. Run it again; it will leave out whom it must"
            )

    def _told_gone(self, number: int | None) -> int | str | None:
        """How many have left; counts alone would tell too much beside the number."""
        is_secret = self.project is not None and self.wanted.frequencies_only
        return f"{LEAST} or more" if number and is_secret else number
