"""Data sets that leave the database: pseudonymised, approved, logged, and whole or not at all.

DIR/
    manifest.json          what it is, of whom (as a keyed code), and the SHA-256 of every file
    data_dictionary.tsv    every column of every file
    frequencies.parquet, frequencies.vcf.gz(.tbi)
    samples.parquet, genotypes/<contig>.parquet, callable/<contig>.parquet     format parquet
    genotypes.vcf.gz(.tbi), genotypes.bcf(.csi), genotypes.vcz/                formats vcf, bcf, …
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.errors import ConsentError, OutputError, PurposeError
from wgs_pipeline.ngd import interchange
from wgs_pipeline.ngd.database import Database
from wgs_pipeline.ngd.export_cohort import (
    Cohort,
    all_allowed,
    counted_members,
    named_cohort,
    narrowed,
    packed_slots,
    persons_gone,
    slots_of,
)
from wgs_pipeline.ngd.export_folder import building, earlier_export, put_in_place
from wgs_pipeline.ngd.export_genotypes import Request, Written, write_genotypes
from wgs_pipeline.ngd.export_manifest import Statement, describe
from wgs_pipeline.ngd.export_regions import Regions, chosen_regions
from wgs_pipeline.ngd.projects import ResearchProject
from wgs_pipeline.ngd.release import releasable
from wgs_pipeline.ngd.snapshot import Snapshot
from wgs_pipeline.ngd.suppression import suppress_count
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

    Research and statistics rest on the research plane alone, on those whose consent allows it
    now, and on a project that covers the kind of data and the regions. Care and quality get
    frequencies alone, of everyone whose consent allows care, with no number left out.

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
        with self.database._snapshot() as snapshot:
            moment = datetime.now(UTC)
            genomes = self.vault.genomes()
            regions = chosen_regions(self.wanted.regions, self.project, snapshot.reference)
            snapshot, cohort = self._cohort(snapshot, genomes)
            sites, written = self._write_files(folder, snapshot, cohort, regions)
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
            generation=snapshot.generation.number,
            consent_as_of=moment,
            persons=self._shown(cohort.persons),
            eligible=self._shown(len(cohort)),
            consent_digest=cohort_digest(self.vault.project_key(self.project_id), cohort.samples),
            removed=None if gone is None else self._shown(gone),
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

    def _cohort(self, snapshot: Snapshot, genomes: Sequence[Genome]) -> tuple[Snapshot, Cohort]:
        """Whose genomes, and the snapshot that shows theirs alone."""
        key = self.vault.project_key(self.project_id)
        members = counted_members(snapshot)
        if self.wanted.frequencies_only and self.project is not None:
            eligible = frozenset(members["slot"].to_pylist())
            kept = releasable(eligible, self._releases(), self.project.minimum_count, key)
            if kept != eligible:
                snapshot = narrowed(snapshot, kept)
                members = counted_members(snapshot)
        if not members.num_rows:
            raise ConsentError(
                "no genome may be exported: none that counts is in the database, or consent "
                "allows none, or too few. Look at 'wgs ngd info'"
            )
        return snapshot, named_cohort(members, genomes, key)

    def _releases(self) -> list[frozenset[int]]:
        """Slots of every table of counts given out before, to whatever project."""
        return [
            slots_of(each)
            for each in self.vault.exports()
            if each.kind == FREQUENCIES and each.project
        ]

    def _write_files(
        self, folder: Path, snapshot: Snapshot, cohort: Cohort, regions: Regions
    ) -> tuple[int, Written | None]:
        """Write the data; gives the number of variants, and how much is person-level."""
        of = f"project={self.project_id}," if self.project_id else ""
        source = (f"##wgs_export=<{of}generation={snapshot.generation.number}>",)
        contigs = {name: snapshot.reference.contigs[name] for name in regions}
        with ExitStack() as stack:
            take: Callable[[str, pa.Table], None] = _ignore
            if self.project is None or FREQUENCIES in self.project.data:
                minimum = self.project.minimum_count if self.project else None
                files = interchange.FrequencyFiles(folder, contigs, source, minimum)
                take = stack.enter_context(files).write
            if self.wanted.frequencies_only:
                for contig, variants in interchange.all_counts(snapshot, regions):
                    take(contig, variants)
                return files.rows, None
            request = Request(folder, regions, self.wanted.formats, source, take)
            written = write_genotypes(self.database._root, snapshot, cohort, request)
            return written.sites, written

    def _refuse_if_consent_changed(self, cohort: Cohort) -> None:
        """The data set is made of those whose consent allows it when it is given out."""
        with self.database._snapshot() as snapshot:
            allowed = all_allowed(snapshot, cohort.slots)
        if not allowed:
            raise ConsentError(
                "consent was taken back, or a genome replaced, while the export was being made, "
                "so it is not given out. Run it again; it will leave out whom it must"
            )

    def _shown(self, number: int) -> int | str:
        """A number of persons; small ones are shown only beside the genotypes themselves."""
        if self.project is None or not self.wanted.frequencies_only:
            return number
        shown = suppress_count(number, self.project.minimum_count)
        return int(shown) if shown.isdigit() else shown


def _ignore(contig: str, variants: pa.Table) -> None:
    """What is done with counts that the approval does not cover."""
