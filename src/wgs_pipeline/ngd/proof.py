"""Proof that a generation holds nothing of some slots, and that nothing else was lost.

At any size: no bit of the slots is set in any bitmap of their segments, and every one of those
holds as many slots as its n_* say (bins that were written anew were looked through then, and have
the hash of what was written; the others are looked through now). Bins of other segments hold no
bit of the slots: when a bin is written, each of its bitmaps is seen to be of its segment. Between
the generation before and this one, bins and counts differ by exactly the calls and runs of the
genomes that came and went, as their shards have them. For a small database, or on request, all
bins are read again, and the index and the counts are compared with a rebuild from all shards too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import shard, tiers
from wgs_pipeline.ngd.bins import check
from wgs_pipeline.ngd.bitmaps import Slots
from wgs_pipeline.ngd.build import files_of, folder_of, read_bin, uncounted_slots, windows
from wgs_pipeline.ngd.derive import derived_counts
from wgs_pipeline.ngd.generation import SEGMENT, Generation
from wgs_pipeline.ngd.layout import BIN_BP, PLANES, SEGMENT_SLOTS, Root, counts_file, sha256_of
from wgs_pipeline.ngd.plan import Change, changes_of
from wgs_pipeline.ngd.rebuild import contig_problems, unknown_files
from wgs_pipeline.ngd.tiers import KINDS


@dataclass
class Proof:
    """What was proved.

    Attributes:
        bins: Bins in which every bitmap was looked through.
        bitmaps_whole: Every bitmap holds as many slots as its n_* say.
        bits_absent: None of them holds one of the slots.
        rows_gone: Variants that were in changed bins and are not any longer.
        bytes_written: Bytes of the bins and count arrays written anew.
        difference: ``equal`` if old and new differ by the genomes that came and went alone;
            ``not possible`` where the old generation was gone already.
        rebuild: ``equal`` if index and counts equal a rebuild; ``not asked`` where not compared.
    """

    bins: int = 0
    bitmaps_whole: bool = True
    bits_absent: bool = True
    rows_gone: int = 0
    bytes_written: int = 0
    difference: str = "not possible"
    rebuild: str = "not asked"

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def prove(
    root: Root, slots: Sequence[int], old: Generation | None, new: Generation, rebuild: bool
) -> Proof:
    """Prove that a generation holds nothing of some slots.

    Args:
        root: The database.
        slots: The slots.
        old: The generation before, if it still stands, and the shards of the slots too.
        new: The generation.
        rebuild: Compare with a rebuild from all shards too.

    Raises:
        NgdError: Names the first file that disproves it.
    """
    proof = Proof()
    if np.isin(np.asarray(new.table["slot"]), slots).any():
        raise NgdError(f"{root.path}: generation {new.number} still has an erased member")
    _prove_open_tiers(root, np.array(slots, np.uint32), new)
    changes = [] if old is None else changes_between(old, new)
    uncounted = uncounted_slots(new.table)
    for plane in PLANES:
        mine = [each for each in changes if each.plane == plane]
        for contig in root.reference().contigs:
            before = None if old is None else files_of(old, plane, contig)
            after = files_of(new, plane, contig)
            stretch = _Stretch(root, plane, contig, before, after, new.files, mine, rebuild)
            _prove_bins(stretch, np.array(slots, np.uint32), uncounted, proof)
            _prove_counts(stretch)
    if old is not None:
        written = new.derived.keys() - old.derived.keys()
        proof.bytes_written = sum((root.path / name).stat().st_size for name in written)
    proof.difference = "equal" if old is not None else "not possible"
    if rebuild:
        problems = [
            problem
            for contig in root.reference().contigs
            for problem in contig_problems(root, new, contig)
        ]
        problems += unknown_files(root, new)
        if problems:
            raise NgdError("\n".join(problems))
        proof.rebuild = "equal"
    return proof


def changes_between(old: Generation, new: Generation) -> list[Change]:
    """Genomes whose bits were in a segment before and are not now, or the reverse."""
    held = [each.table.filter(pc.equal(each.table["tier"], SEGMENT)) for each in (old, new)]
    before, after = (set(zip(*_columns(table), strict=True)) for table in held)
    changes = []
    for table, other, comes in ((held[0], after, False), (held[1], before, True)):
        differs = [each not in other for each in zip(*_columns(table), strict=True)]
        changes += changes_of(table.filter(pa.array(differs, pa.bool_())), comes)
    return changes


@dataclass(frozen=True)
class _Stretch:
    """One plane and contig of the two generations.

    Attributes:
        root: The database.
        plane: The plane.
        contig: The contig.
        old: Folder to file of the generation before; None where that is gone.
        new: Folder to file of the generation.
        digests: SHA-256 of the generation's files.
        changes: Genomes of the plane that came and went.
        again: Look once more through bins that were looked through when they were written.
    """

    root: Root
    plane: str
    contig: str
    old: Mapping[str, str] | None
    new: Mapping[str, str]
    digests: Mapping[str, str]
    changes: Sequence[Change]
    again: bool

    def fail(self, name: str, what: str) -> NoReturn:
        raise NgdError(
            f"{self.root.path / name}: {what}; the erasure is not finished. Run "
            "'wgs ngd verify', rebuild with 'wgs ngd compact --rebuild', and erase again"
        )


def _prove_bins(stretch: _Stretch, slots: Slots, uncounted: Slots, proof: Proof) -> None:
    """No bit of the slots, whole bitmaps, and as many calls more or less as came and went."""
    expected, segments = _calls(stretch), set((slots // SEGMENT_SLOTS).tolist())
    old = {} if stretch.old is None else stretch.old
    for folder in sorted({*old, *stretch.new}):
        if not folder.startswith("index/"):
            continue
        before, after = old.get(folder), stretch.new.get(folder)
        key = segment, _ = _number(folder, "segment="), _number(folder, "bin=")
        rows, members = 0, np.zeros(len(KINDS), np.int64)
        # Unchanged bins of other segments hold no such slot, as was seen when they were written.
        if after is not None and (before != after or segment in segments or stretch.again):
            if before in (None, after) or stretch.again:
                rows, members = _looked_through(stretch, after, segment, slots, uncounted)
            elif sha256_of(stretch.root.path / after) == stretch.digests[after]:
                rows, members = _size(stretch, after)  # looked through when it was written
            else:
                stretch.fail(after, "its bytes have changed")
            proof.bins += 1
        change = expected.pop(key, np.zeros(len(KINDS), np.int64))
        if stretch.old is None:
            continue
        if before != after:
            rows_before, members_before = _size(stretch, before)
            proof.rows_gone += max(rows_before - rows, 0)
            change = members - members_before - change
        if change.any():
            stretch.fail(after or folder, "differs from before by other calls than came and went")
    if expected and stretch.old is not None:
        stretch.fail(f"index/{stretch.plane}", "lacks calls of genomes that came")


def _looked_through(
    stretch: _Stretch, name: str, segment: int, slots: Slots, uncounted: Slots
) -> tuple[int, NDArray[np.int64]]:
    """Rows of a bin and its counted calls by kind, after looking through its bitmaps."""
    table = read_bin(stretch.root.path / name)
    try:
        check(table, segment, uncounted, slots)
    except ValueError as error:
        stretch.fail(name, str(error))
    return table.num_rows, _counted_calls(table)


def _size(stretch: _Stretch, name: str | None) -> tuple[int, NDArray[np.int64]]:
    """Rows of a bin, and its counted calls by kind, as its n_* say."""
    if name is None:
        return 0, np.zeros(len(KINDS), np.int64)
    with pq.ParquetFile(stretch.root.path / name, page_checksum_verification=True) as file:
        table = file.read(columns=[f"n_{kind}" for kind in KINDS], use_threads=False)
    return table.num_rows, _counted_calls(table)


def _counted_calls(table: pa.Table) -> NDArray[np.int64]:
    return np.array([np.asarray(table[f"n_{kind}"]).sum(dtype=np.int64) for kind in KINDS])


def _calls(stretch: _Stretch) -> dict[tuple[int, int], NDArray[np.int64]]:
    """Segment and bin to counted calls by kind that came, less those that went, from the shards."""
    result: dict[tuple[int, int], NDArray[np.int64]] = {}
    for each in stretch.changes:
        if not each.counted:
            continue
        columns = ("pos", "kind", "passed")
        table = shard.read_variants(stretch.root, each.shard, stretch.contig, columns=columns)
        table = table.filter(table["passed"])
        bins = (np.asarray(table["pos"]).astype(np.int64) - 1) // BIN_BP
        kinds = np.asarray(table["kind"])
        for bin_ in np.unique(bins[kinds > 0]).tolist():
            found = [int(((bins == bin_) & (kinds == kind)).sum()) for kind in KINDS.values()]
            change = np.array(found, np.int64) * (1 if each.comes else -1)
            key = (each.segment, bin_)
            result[key] = result.get(key, np.zeros(len(KINDS), np.int64)) + change
    return result


def _prove_counts(stretch: _Stretch) -> None:
    """Counts differ from before by the runs of the genomes that came and went."""
    if stretch.old is None:
        return
    reference = stretch.root.reference()
    differing = {
        folder
        for folder in {*stretch.old, *stretch.new}
        if folder.startswith("counts/") and stretch.old.get(folder) != stretch.new.get(folder)
    }
    for window in windows(reference, stretch.contig):
        for stratum, bin_, change in derived_counts(
            stretch.root, reference, stretch.contig, window, stretch.changes
        ):
            folder = folder_of(counts_file(stretch.plane, stratum, stretch.contig, bin_, 0))
            before, after = (
                _counts(stretch, files.get(folder), len(change))
                for files in (stretch.old, stretch.new)
            )
            if not np.array_equal(before + change, after):
                stretch.fail(folder, "differs from before by other bases than came and went")
            differing.discard(folder)
    for folder in differing:
        stretch.fail(folder, "differs from before, and no genome came or went")


def _counts(stretch: _Stretch, name: str | None, size: int) -> NDArray[np.int32]:
    if name is None:
        return np.zeros(size, np.int32)
    return tiers.read_counts(stretch.root, name, 0, size)


def _prove_open_tiers(root: Root, slots: Slots, generation: Generation) -> None:
    for name in generation.derived:
        if "/open/" in name:
            held = np.asarray(tiers.read_rows(root, name)["slot"])
            if np.isin(held, slots).any():
                raise NgdError(f"{root.path / name}: holds an erased slot")


def _number(folder: str, label: str) -> int:
    part = next(each for each in folder.split("/") if each.startswith(label))
    return int(part.removeprefix(label))


def _columns(table: pa.Table) -> tuple[list[int], list[str]]:
    return table["slot"].to_pylist(), table["plane"].to_pylist()
