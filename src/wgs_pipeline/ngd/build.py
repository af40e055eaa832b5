"""Building the bins and count arrays of one contig, as a plan says; needs no vault.

New files get their final names at once: no reader sees them before they are in a published
generation. The same plan gives the same bytes, so a build that was killed is done again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import write_json
from wgs_pipeline.ngd import tiers
from wgs_pipeline.ngd.bins import BIN, check
from wgs_pipeline.ngd.bitmaps import Slots
from wgs_pipeline.ngd.counts import bins_of
from wgs_pipeline.ngd.derive import WINDOW_BINS, Bounds, derived_bins, derived_counts
from wgs_pipeline.ngd.generation import (
    Generation,
    pinned_at,
    read_generation,
    write_parquet,
)
from wgs_pipeline.ngd.layout import (
    PLANES,
    Root,
    counts_file,
    folder_name,
    segment_file,
    sha256_of,
)
from wgs_pipeline.ngd.parquet import footer_digest
from wgs_pipeline.ngd.plan import Change, Plan
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.waiting import Waiting


@dataclass(frozen=True)
class Part:
    """What was built of one contig.

    Attributes:
        plan: Digest of the plan.
        contig: The contig.
        files: New files, relative to ROOT, to their SHA-256.
        gone: Files of the parent generation that the next one does not have.
    """

    plan: str
    contig: str
    files: dict[str, str]
    gone: tuple[str, ...]


def build_contig(root: Root, plan: Plan, contig: str) -> Part:
    """Build all that a plan changes on one contig.

    Raises:
        NgdError: The plan is out of date, or bins and shards disagree.
    """
    reference = root.reference()
    reference.length(contig)
    if plan.empty:
        return Part(plan.digest, contig, {}, ())
    with pinned_at(root, plan.parent):
        old = read_generation(root, plan.parent, with_bins=not plan.rebuild)
        part = Part(plan.digest, contig, {}, ())
        gone: list[str] = []
        for plane in PLANES:
            changes = [each for each in plan.changes if each.plane == plane]
            if changes or plan.rebuild:
                builder = _Builder(root, reference, old, plan, plane, contig)
                builder.build(changes)
                part.files.update(builder.files)
                gone += builder.gone
    return Part(part.plan, contig, part.files, tuple(sorted(gone)))


def write_parts(path: Path, parts: Sequence[Part]) -> None:
    """Write what was built of some contigs, for publishing."""
    write_json(path, [asdict(part) for part in parts])


def read_parts(path: Path) -> list[Part]:
    """Read what ``write_parts`` wrote.

    Raises:
        NgdError: It holds no parts of a compaction.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return [Part(**each | {"gone": tuple(each["gone"])}) for each in values]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NgdError(
            f"{path}: no part of a compaction ({type(error).__name__}); expected what "
            "'wgs ngd compact ROOT --plan PLAN --contig CONTIG --part PART' wrote. Make it again"
        ) from error


class _Builder:
    """Builds one plane and contig; ``files`` and ``gone`` say what became of its files."""

    def __init__(
        self, root: Root, reference: Reference, old: Generation, plan: Plan, plane: str, contig: str
    ) -> None:
        self._root, self._reference = root, reference
        self._plane, self._contig, self._number = plane, contig, plan.number
        own = files_of(old, plane, contig)
        self._before = old
        self._uncounted = uncounted_slots(old.table, plan.changes)
        self._leaving = np.array(plan.leaving, np.uint32)
        self._old = {} if plan.rebuild else own
        self._waiting = None if plan.rebuild else Waiting(root, old, plan.changes)
        self.files: dict[str, str] = {}
        self.gone = list(own.values()) if plan.rebuild else []

    def build(self, changes: Sequence[Change]) -> None:
        """Write what changes."""
        for window in windows(self._reference, self._contig):
            for segment in sorted({each.segment for each in changes}):
                self._build_bins(segment, changes, window)
            self._build_counts(changes, window)

    def _build_bins(
        self, segment: int, changes: Sequence[Change], window: Sequence[Bounds]
    ) -> None:
        def name_of(bin_: int) -> str:
            return segment_file(self._plane, segment, self._contig, bin_, self._number)

        def before(bin_: int) -> pa.Table:
            old = self._old.get(folder_of(name_of(bin_)))
            return BIN.empty_table() if old is None else self._read_bin(old)

        def place(bin_: int) -> Path:
            return self._root.path / self._old.get(folder_of(name_of(bin_)), name_of(bin_))

        mine = [each for each in changes if each.segment == segment]
        derived = derived_bins(self._root, self._contig, window, mine, before, place, self._waiting)
        for bin_, table in derived:
            try:
                check(table, segment, self._uncounted, self._leaving)
            except ValueError as error:
                raise NgdError(
                    f"{place(bin_)}: {error}; expected the members of the database. Run 'wgs ngd "
                    "verify', and rebuild with 'wgs ngd compact --rebuild'"
                ) from error
            self._replace(name_of(bin_), table if table.num_rows else None, tiers.BIN_OPTIONS)

    def _build_counts(self, changes: Sequence[Change], window: Sequence[Bounds]) -> None:
        derived = derived_counts(
            self._root, self._reference, self._contig, window, changes, self._waiting
        )
        for stratum, bin_, counts in derived:
            name = counts_file(self._plane, stratum, self._contig, bin_, self._number)
            old = self._old.get(folder_of(name))
            if old is not None:
                self._require_unchanged(old)
                counts = counts + tiers.read_counts(self._root, old, 0, len(counts))
            if counts.min() < 0:
                raise NgdError(
                    f"{self._root.path / (old or name)}: fewer genomes are callable than go from "
                    "it; run 'wgs ngd verify', and rebuild with 'wgs ngd compact --rebuild'"
                )
            table = pa.table({"count": counts}) if counts.any() else None
            self._replace(name, table, tiers.COUNT_OPTIONS)

    def _replace(self, name: str, table: pa.Table | None, options: dict[str, Any]) -> None:
        """Write a new file, or none, in place of the old one."""
        if table is not None:
            self.files[name] = write_parquet(self._root.path / name, table, options)
        if folder_of(name) in self._old:
            self.gone.append(self._old[folder_of(name)])

    def _read_bin(self, name: str) -> pa.Table:
        self._require_unchanged(name)
        return read_bin(self._root.path / name)

    def _require_unchanged(self, name: str) -> None:
        """Refuse to carry a changed byte into a new file; pages have checksums of their own."""
        path = self._root.path / name
        footer = self._before.footers.get(name)
        try:
            same = footer_digest(path) == footer if footer else self._has_digest(name)
        except (OSError, NgdError):
            same = False
        if not same:
            raise NgdError(
                f"{path}: missing, or its bytes have changed; restore it from a backup, or "
                "rebuild with 'wgs ngd compact --rebuild'"
            )

    def _has_digest(self, name: str) -> bool:
        return sha256_of(self._root.path / name) == self._before.files[name]


def uncounted_slots(members: pa.Table, changes: Sequence[Change] = ()) -> Slots:
    """Slots of members, and of genomes that come or go, that carry but do not count."""
    counted = pc.or_(pc.equal(members["assay"], "wgs"), pc.not_equal(members["target"], ""))
    slots = np.asarray(members["slot"])[~np.asarray(counted)]
    more = np.array([each.slot for each in changes if not each.counted], np.uint32)
    return np.union1d(slots, more).astype(np.uint32)


def windows(reference: Reference, contig: str) -> Iterator[list[Bounds]]:
    """Bins of a contig, as many at a time as are derived together."""
    bounds = list(bins_of(reference, contig))
    for first in range(0, len(bounds), WINDOW_BINS):
        yield bounds[first : first + WINDOW_BINS]


def files_of(generation: Generation, plane: str, contig: str) -> dict[str, str]:
    """Bins and count arrays of one plane and contig: folder to file."""
    found = {}
    for name in generation.derived:
        parts = name.split("/")
        if "/bin=" in name and (parts[1], parts[3]) == (plane, folder_name(contig)):
            found[folder_of(name)] = name
    return found


def folder_of(name: str) -> str:
    """Folder of a file of the index or the counts; it holds one file of a generation."""
    return name.rpartition("/")[0]


def read_bin(path: Path) -> pa.Table:
    """A whole bin, its alleles dictionary-encoded.

    Raises:
        NgdError: The file is damaged.
    """
    try:
        with pq.ParquetFile(
            path, page_checksum_verification=True, read_dictionary=["ref", "alt"]
        ) as file:
            return file.read(use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise NgdError(
            f"{path}: damaged; restore it from a backup, or rebuild with 'wgs ngd compact "
            "--rebuild'"
        ) from error
