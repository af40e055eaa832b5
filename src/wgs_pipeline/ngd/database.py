"""The database as a caller sees it: every answer checked, masked, counted and logged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.errors import ConsentError, NgdError
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.ngd.access import AccessLog, Asker
from wgs_pipeline.ngd.answer_tables import (
    CARRIER_COLUMNS,
    SITE_COLUMNS,
    absent,
    carrier_table,
    on_contig,
    stated,
    with_frequency,
    with_genes,
)
from wgs_pipeline.ngd.eligibility import Eligibility
from wgs_pipeline.ngd.fasta import Fasta
from wgs_pipeline.ngd.holdings import Holdings, Shelf
from wgs_pipeline.ngd.layout import PLANES, RESEARCH, Root
from wgs_pipeline.ngd.names import Naming, Region, Variant, read_aliases
from wgs_pipeline.ngd.people import People
from wgs_pipeline.ngd.roster import Slots
from wgs_pipeline.ngd.shard_rows import read_calls
from wgs_pipeline.ngd.snapshot import Snapshot
from wgs_pipeline.vault import Genome, Vault

if TYPE_CHECKING:  # what care never needs is imported where it is used
    from wgs_pipeline.ngd.export_regions import Regions
    from wgs_pipeline.ngd.released import Release, Released
    from wgs_pipeline.ngd.suppression import Suppression

#: Fewest genomes of a cohort that is asked about for another purpose than care.
LEAST_COHORT = 5


class Database:
    """An open database; made by ``wgs_pipeline.ngd.open``.

    Every method judges the consent register as it is now, pins one generation, and writes its
    line to the access log before it returns. Tables carry the schema metadata ``generation`` and
    ``eligible`` (genomes that may be counted); in research and statistics, which are answered from
    the release in force, ``release`` too. What was read is kept for the next question; one open
    database is for one thread.

    Args:
        root: The database.
        vault: Its vault, which is closed with it.
        asker: Who asks.
        aliases: Table of other names of its contigs.
        rsids: Table of rsIDs.
    """

    def __init__(
        self,
        root: Root,
        vault: Vault,
        asker: Asker,
        aliases: Path | None = None,
        rsids: Path | None = None,
    ) -> None:
        root = root.unlocked(vault.keys)
        self._root, self._vault, self._asker = root, vault, asker
        self._aliases, self._rsids = aliases, rsids
        self._log = AccessLog(root, vault, asker)
        self._shelf, self._people = Shelf(root, vault), People(vault)
        self._eligibility = Eligibility(root, vault, asker.purpose)
        self._snapshots: dict[bytes | None, Snapshot] = {}

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the vault and all files."""
        self._shelf.close()
        self._snapshots.clear()
        self._vault.close()

    @property
    def contigs(self) -> dict[str, int]:
        """Contigs of the reference: name to length in bp."""
        return dict(self._root.reference().contigs)

    def info(self) -> dict[str, Any]:
        """What the database holds, in numbers; for research and statistics what the release does.

        Returns:
            Genomes, distinct variants, bytes, generation and more; or release and eligible.

        Raises:
            ConsentError: Research or statistics, and there is no release, or the project does not
                cover it.
        """
        from wgs_pipeline.ngd.inventory import info

        if not self._asker.is_aggregate:
            return info(self._root, self._vault)
        with (
            self._log.answering("info", {}, "frequencies") as access,
            self._snapshot() as (snapshot, release),
        ):
            access.update(_stated_access(snapshot, snapshot.eligible))
            return _said(release) | {"eligible": snapshot.eligible}

    def region(self, region: str, samples: Sequence[str] | None = None) -> pa.Table:
        """Variants that start in a region such as ``chr20:100-200``, with their counts.

        Args:
            region: The region.
            samples: Count among these samples only (care and quality); None: among all.

        Returns:
            contig, pos, ref, alt, AC, AN, AF, n_het, n_hom, n_hemi. In research and statistics
            counts are of the release in force, text, and small ones are not shown.

        Raises:
            NgdError: It is no region, a sample is not loaded, or the database is damaged.
            ConsentError: Purpose or project does not cover the question.
        """
        query: dict[str, Any] = {"region": region}
        if samples is not None:
            query["samples"] = sorted(set(samples))
        kind = "frequencies" if samples is None else "cohort"
        with (
            self._log.answering("region", query, kind) as access,
            self._snapshot(samples) as (snapshot, release),
        ):
            asked = self._naming.region(region)
            table = self._counted(snapshot, asked, release)
            access.update(_stated_access(snapshot, snapshot.eligible))
            if samples is not None:
                access["slots"] = snapshot.visible_slots
            return _counts(table, snapshot, release)

    def variant(self, name: str) -> pa.Table:
        """Counts of one variant such as ``chr20-123-A-T``: one row, AC 0 if no one carries it.

        Args:
            name: The variant in any form that ``names`` describes; a rsID has one row per ALT.

        Raises:
            NgdError: It is no variant, or the database is damaged.
            ConsentError: The project does not cover the question.
        """
        with (
            self._log.answering("variant", {"variant": name}, "frequencies") as access,
            self._snapshot() as (snapshot, release),
        ):
            rows = [self._row(snapshot, asked, release) for asked in self._naming.variants(name)]
            access.update(_stated_access(snapshot, snapshot.eligible))
            return _counts(pa.concat_tables(rows), snapshot, release)

    def genes(
        self, intervals: str | Path, names: Collection[str] = (), carriers: bool = False
    ) -> pa.Table:
        """Variants that start in genes or other named intervals.

        Args:
            intervals: GFF3 (its genes) or BED.
            names: Genes; none: all of the file.
            carriers: Who carries them (care only), in place of counts.

        Returns:
            gene, then the columns of ``region`` or of ``carriers_in``; genes in the file's order.

        Raises:
            PurposeError: Carriers are asked for and the purpose is not care.
            NgdError: A name is not in the file, the file is malformed, or the database is damaged.
            ConsentError: The project does not cover the question.
        """
        from wgs_pipeline.ngd.genes import read_genes

        names = list(dict.fromkeys(names))
        query = {"genes": names, "file": str(intervals), "carriers": carriers}
        kind = "identified" if carriers else "frequencies"
        with (
            self._log.answering("genes", query, kind) as access,
            self._snapshot() as (snapshot, release),
        ):
            genes = read_genes(Path(intervals), self._naming, names)
            parts = [
                self._calls(snapshot, gene.region)
                if carriers
                else self._counted(snapshot, gene.region, release)
                for gene in genes
            ]
            table = with_genes([gene.name for gene in genes], parts)
            if carriers:
                return self._carried(snapshot, table, access, ("gene", *CARRIER_COLUMNS))
            access.update(_stated_access(snapshot, snapshot.eligible))
            return _counts(table, snapshot, release, ("gene", *SITE_COLUMNS))

    def carriers(self, name: str) -> pa.Table:
        """Who carries a variant; care only.

        Returns:
            sample_id, assay, genotype (het, hom or hemi); in the order of loading.

        Raises:
            PurposeError: The purpose is not care.
            NgdError: It is no variant, or the database is damaged.
        """
        with (
            self._log.answering("carriers", {"variant": name}, "identified") as access,
            self._snapshot() as (snapshot, _),
        ):
            table = self._calls_of(snapshot, self._naming.variants(name)).sort_by("slot")
            answer = self._carried(snapshot, table, access, CARRIER_COLUMNS[-3:])
            metadata = answer.schema.metadata
            columns = {each: answer[each].cast(pa.string()) for each in CARRIER_COLUMNS[-3:]}
            return pa.table(columns).replace_schema_metadata(metadata)

    def carriers_of(self, names: Iterable[str]) -> pa.Table:
        """Who carries any of some variants; care only.

        Returns:
            contig, pos, ref, alt, sample_id, assay, genotype; sorted by variant, text as
            dictionaries. A variant that no one carries has no row.

        Raises:
            PurposeError: The purpose is not care.
            NgdError: One is no variant, or the database is damaged.
        """
        names = list(dict.fromkeys(names))
        with (
            self._log.answering("carriers", {"variants": names}, "identified") as access,
            self._snapshot() as (snapshot, _),
        ):
            asked = [each for name in names for each in self._naming.variants(name)]
            return self._carried(snapshot, self._calls_of(snapshot, asked), access)

    def carriers_in(self, region: str) -> pa.Table:
        """Who carries any of the variants that start in a region; care only.

        Returns:
            As ``carriers_of``.

        Raises:
            PurposeError: The purpose is not care.
            NgdError: It is no region, or the database is damaged.
        """
        with (
            self._log.answering("carriers", {"region": region}, "identified") as access,
            self._snapshot() as (snapshot, _),
        ):
            table = self._calls(snapshot, self._naming.region(region))
            return self._carried(snapshot, table, access)

    def genome(
        self, patient_id: str, sample_id: str | None = None, region: str | None = None
    ) -> pa.Table:
        """One person's calls; care only.

        Args:
            patient_id: The person.
            sample_id: Which genome, where the person has several.
            region: Only calls that start here; None: all.

        Returns:
            Columns of ``shard.VARIANTS``, text as dictionaries; schema metadata also has
            ``sample_id``.

        Raises:
            PurposeError: The purpose is not care.
            ConsentError: The person's consent does not allow care.
            NgdError: The person has no genome here, or several and none is named.
        """
        canonical = canonical_patient_id(patient_id)
        mine = [each for each in self._vault.genomes_of(canonical) if not each.retired_generation]
        slots = tuple(each.slot for each in mine)
        query = {"slots": slots} | ({} if region is None else {"region": region})
        with (
            self._log.answering("genome", query, "identified", slots) as access,
            self._snapshot() as (snapshot, _),
        ):
            seen = [each for each in mine if each.slot in snapshot.visible_slots]
            genome = _chosen(mine, seen, sample_id)
            asked = None if region is None else self._naming.region(region)
            within = None if asked is None else (asked.contig, asked.start, asked.end)
            shard = snapshot.holdings.shard_of(genome.slot)
            answer = read_calls(self._root, shard, within)
            access.update(_stated_access(snapshot, 1), slots=(genome.slot,))
            return stated(answer, snapshot, sample_id=genome.sample_id)

    @contextmanager
    def _snapshot(
        self, samples: Sequence[str] | None = None, *, counts: bool = True
    ) -> Iterator[tuple[Snapshot, Release | None]]:
        """What the question reads; for research and statistics the release in force.

        Args:
            samples: Samples that the question is about; None: all.
            counts: Counts are asked for. Otherwise, for genotypes, all who may be used now.
        """
        while True:
            last = self._released.last() if self._asker.is_aggregate and counts else None
            with self._shelf.pinned() as holdings:
                allowed = self._eligibility.allowed(holdings.generation.number)
                if last is not None:
                    release = self._released.in_force(last, holdings, allowed)
                    if release is None:
                        continue  # someone has left: from the set that followed
                    allowed = release.allowed
                cohort = None if samples is None else self._people.slots_of(samples)
                snapshot = self._view(holdings, allowed, cohort)
                if samples is not None and self._asker.purpose is not Purpose.CARE:
                    _require_cohort(snapshot)
                yield snapshot, last
                return

    def _view(
        self, holdings: Holdings, allowed: NDArray[np.bool_], cohort: Slots | None
    ) -> Snapshot:
        """The snapshot of these; the last ones are kept with what they worked out."""
        key = None if cohort is None else cohort.tobytes()
        kept = self._snapshots.get(key)
        if kept is None or kept.holdings is not holdings or kept.allowed is not allowed:
            planes = (RESEARCH,) if self._asker.is_aggregate else PLANES
            kept = Snapshot(holdings, planes, allowed, cohort)
            while len(self._snapshots) > 8:
                del self._snapshots[next(iter(self._snapshots))]
            self._snapshots[key] = kept
        return kept

    @cached_property
    def _released(self) -> Released:
        from wgs_pipeline.ngd.released import Released

        return Released(self._root, self._vault)

    @cached_property
    def _naming(self) -> Naming:
        reference, fasta = self._root.reference(), self._root.reference_fasta
        return Naming(
            reference,
            None if fasta is None else Fasta(fasta, reference.contigs),
            {} if self._aliases is None else read_aliases(self._aliases, reference),
            self._rsids,
        )

    @cached_property
    def _permitted(self) -> Regions:
        """Parts of the genome that the project covers."""
        from wgs_pipeline.ngd.export_regions import permitted_regions

        return permitted_regions(self._asker.project, self._naming)

    def _row(self, snapshot: Snapshot, asked: Variant, release: Release | None) -> pa.Table:
        """Counts of one variant: one row, also where no one carries it."""
        table = self._counted(snapshot, Region(asked.contig, asked.pos - 1, asked.pos), release)
        alleles = zip(table["ref"].to_pylist(), table["alt"].to_pylist(), strict=True)
        mine = [each == (asked.ref, asked.alt) for each in alleles]
        if any(mine):
            return table.filter(pa.array(mine))
        one, two = snapshot.callable_genomes(asked.contig, np.array([asked.pos - 1]))
        row = self._shown(absent(asked, int(one[0]), int(two[0])), release)
        return row.select(table.column_names)

    def _counted(self, snapshot: Snapshot, region: Region, release: Release | None) -> pa.Table:
        """Counts of a region with frequencies, as the asker may see them."""
        project = self._asker.project
        if project is not None and project.is_limited and self._asker.is_aggregate:
            from wgs_pipeline.ngd.export_regions import require_region

            require_region(project, self._permitted, region)
        table = snapshot.variants(
            region.contig, region.start, region.end, copies=release is not None
        )
        table = self._shown(table, release)
        return table.append_column("contig", pa.repeat(region.contig, table.num_rows))

    def _shown(self, table: pa.Table, release: Release | None) -> pa.Table:
        """Counts with frequencies; in research and statistics without small ones."""
        table = with_frequency(table)
        return table if release is None else self.suppression.apply(table)

    @property
    def suppression(self) -> Suppression:
        """How counts of a release are shown to the project that asks."""
        from wgs_pipeline.ngd.suppression import Suppression

        project = self._asker.project
        if project is None:
            raise ValueError("a release is for projects alone")
        return Suppression(project.minimum_count)

    def _calls(self, snapshot: Snapshot, region: Region) -> pa.Table:
        table = snapshot.calls(region.contig, region.start, region.end)
        return on_contig(table, region.contig)

    def _calls_of(self, snapshot: Snapshot, variants: Iterable[Variant]) -> pa.Table:
        by_contig: dict[str, set[tuple[int, str, str]]] = {}
        for each in variants:
            by_contig.setdefault(each.contig, set()).add((each.pos, each.ref, each.alt))
        parts = [
            on_contig(snapshot.calls_of(contig, by_contig[contig]), contig)
            for contig in snapshot.reference.contigs
            if contig in by_contig
        ]
        return pa.concat_tables(parts).unify_dictionaries()

    def _carried(
        self,
        snapshot: Snapshot,
        table: pa.Table,
        access: dict[str, Any],
        columns: Sequence[str] = CARRIER_COLUMNS,
    ) -> pa.Table:
        """Calls with the samples of their slots; the line of the log gets the slots."""
        present, samples = self._people.columns(np.asarray(table["slot"]).astype(np.uint32))
        access.update(_stated_access(snapshot, len(present)), slots=present)
        return stated(carrier_table(table, samples, columns), snapshot)


def _counts(
    table: pa.Table,
    snapshot: Snapshot,
    release: Release | None,
    columns: Sequence[str] = SITE_COLUMNS,
) -> pa.Table:
    """The answer that counts are."""
    return stated(table.select(list(columns)), snapshot, **_said(release))


def _said(release: Release | None) -> dict[str, str]:
    """What an answer from a release states of it."""
    return {} if release is None else {"release": str(release.number)}


def _require_cohort(snapshot: Snapshot) -> None:
    """Persons are shown to care only: counts of a few samples are their genotypes."""
    if snapshot.eligible < LEAST_COHORT:
        raise ConsentError(
            f"the samples have fewer than {LEAST_COHORT} genomes that may be counted; expected "
            "more for another purpose than care. Ask about more samples"
        )


def _chosen(mine: list[Genome], seen: list[Genome], sample_id: str | None) -> Genome:
    if mine and not seen:
        raise ConsentError("this person's consent does not allow care to use the genome")
    fitting = [each for each in seen if sample_id in (None, each.sample_id)]
    if not fitting:
        raise NgdError("no genome of this person is loaded. Check the identifier and the sample")
    if len(fitting) > 1:
        names = ", ".join(sorted({f"{each.sample_id} ({each.assay})" for each in fitting}))
        raise NgdError(f"this person has several genomes: {names}. Say which with --sample")
    return fitting[0]


def _stated_access(snapshot: Snapshot, persons: int) -> dict[str, Any]:
    return {"generation": snapshot.generation.number, "persons": persons}
