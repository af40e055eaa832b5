"""One pass over an alignment: ``samtools view`` decodes it once, and everything counts on it.

The decoded stream goes block by block through the compiled code of ``pileup`` and ``reads``.
"""

from __future__ import annotations

import fcntl
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from wgs_pipeline.errors import AlignmentError, WgsError
from wgs_pipeline.files import write_text
from wgs_pipeline.metrics import bam, pileup, reads
from wgs_pipeline.metrics.bam import Bytes
from wgs_pipeline.metrics.contamination import Estimate, likelihood_estimate
from wgs_pipeline.metrics.contigs import Part, contig_parts, interval_part
from wgs_pipeline.metrics.heterozygosity import (
    SAMPLED,
    Heterozygosity,
    count_heterozygous,
    sampled_windows,
)
from wgs_pipeline.metrics.panel import Target
from wgs_pipeline.metrics.pileup import Counts, Layout, Longs, Status, Tally, Window
from wgs_pipeline.metrics.sites import CommonSnvs
from wgs_pipeline.metrics.tally import BREADTHS, AlignmentTally, Coverage
from wgs_pipeline.reference import Contig, Interval, open_fasta

_PARTS = tuple(Part)
_BLOCK = 1 << 20
_WINDOW = 1 << 22
_PLACES, _ARENA = 1 << 14, 1 << 21
#: Longest read that there is room for at first, in bases.
_READ_LENGTH = 300
_LOW = max(BREADTHS) + 1
_PIPE_SIZE = 1 << 20


@dataclass(frozen=True)
class Regions:
    """Where depth is counted.

    Attributes:
        contigs: Contigs of the reference, in its order.
        intervals: The reference without N, cut where PAR begins and ends (``wgs qc regions``).
        par: Pseudoautosomal regions on X and Y.
        targets: Regions of the gene panel, in any order.
        common: Common SNVs by which contamination is estimated; None: it is not.
    """

    contigs: Sequence[Contig]
    intervals: Sequence[Interval]
    par: Sequence[Interval]
    targets: Sequence[Target] = ()
    common: CommonSnvs | None = None


@dataclass(frozen=True)
class _Sites:
    """Bases that are counted one by one, sorted by contig and position.

    Attributes:
        contig: Number of the contig, shape (sites,).
        position: Position on it.
        of: 0 for a common SNV, else one more than the place in ``SAMPLED``.
    """

    contig: Longs
    position: Longs
    of: Longs


class Counter:
    """Counts the records of a BAM stream that is fed to it block by block."""

    def __init__(self, regions: Regions, fasta: Path) -> None:
        self._regions = regions
        self._fasta = fasta
        self._index = {each.name: number for number, each in enumerate(regions.contigs)}
        self._targets = sorted(
            regions.targets, key=lambda t: (self._contig_of(t.interval), t.interval)
        )
        self._sites = self._list_sites()
        self._layout, self._groups = self._lay_out()
        parts, groups, targets = len(_PARTS), len(self._groups), len(self._targets)
        self._counts = Counts(
            np.zeros((parts, pileup.HIGHEST_DEPTH + 1), np.int64),
            np.zeros(groups, np.int64),
            np.zeros((groups, _LOW), np.int64),
            np.zeros(targets, np.int64),
            np.zeros((targets, _LOW), np.int64),
            np.zeros((len(self._sites.position), 4), np.int64),
            np.zeros(101, np.int64),
            np.zeros(len(Tally), np.int64),
        )
        self._reads = reads.new_counts(_READ_LENGTH)
        self._window = Window(np.zeros(_WINDOW, np.int32), np.array([-1, 0, 0, 0, 0], np.int64))
        self._mates = pileup.new_mates(_PLACES, _ARENA)
        self._scratch = np.zeros(_WINDOW, np.uint8)
        self._gc = np.zeros(0, np.uint8)
        self._gc_windows = np.zeros(101, np.int64)
        self._raw = np.zeros(4 * _BLOCK, np.uint8)
        self._raw_filled = 0
        self._data = np.zeros(8 * _BLOCK, np.uint8)
        self._filled = 0
        self._header_read = False

    def _contig_of(self, interval: Interval) -> int:
        try:
            return self._index[interval.contig]
        except KeyError:
            raise WgsError(
                f"the contig {interval.contig} of an interval is not in the reference; expected "
                f"one of {', '.join(list(self._index)[:5])} …. Make the regions from the same "
                "reference"
            ) from None

    def _list_sites(self) -> _Sites:
        """Where single bases are counted: the common SNVs and the windows of ``SAMPLED``."""
        regions = self._regions
        common = regions.common or CommonSnvs.none()
        parts = contig_parts(regions.contigs)
        contigs, positions = [common.contig], [common.position]
        for part in SAMPLED:
            inside = [
                each
                for each in sorted(regions.intervals, key=lambda i: (self._contig_of(i), i))
                if interval_part(each, parts, regions.par) is part
            ]
            windows = sampled_windows(inside)
            bases = [np.arange(each.start, each.end, dtype=np.int64) for each in windows]
            numbers = np.array([self._contig_of(each) for each in windows], np.int64)
            contigs.append(np.repeat(numbers, [len(each) for each in windows]))
            positions.append(np.concatenate([np.zeros(0, np.int64), *bases]))
        of = np.repeat(np.arange(len(contigs)), [len(each) for each in contigs])
        contig, position = np.concatenate(contigs), np.concatenate(positions)
        order = np.lexsort((of, position, contig))
        return _Sites(contig[order], position[order], of[order])

    def _lay_out(self) -> tuple[Layout, dict[tuple[str, Part], int]]:
        regions = self._regions
        parts = contig_parts(regions.contigs)
        intervals = sorted(regions.intervals, key=lambda each: (self._contig_of(each), each))
        groups: dict[tuple[str, Part], int] = {}
        of_interval = []
        for each in intervals:
            key = (each.contig, interval_part(each, parts, regions.par))
            of_interval.append(groups.setdefault(key, len(groups)))
        targets = [each.interval for each in self._targets]
        layout = Layout(
            np.array([each.length for each in regions.contigs], np.int64),
            self._first(intervals),
            np.array([each.start for each in intervals], np.int64),
            np.array([each.end for each in intervals], np.int64),
            np.array(of_interval, np.int64),
            np.array([_PARTS.index(part) for _, part in groups], np.int64),
            self._first(targets),
            np.array([each.start for each in targets], np.int64),
            np.array([each.end for each in targets], np.int64),
            np.searchsorted(self._sites.contig, np.arange(len(self._index) + 1)),
            self._sites.position,
        )
        return layout, groups

    def _first(self, intervals: Sequence[Interval]) -> Longs:
        """Where the sorted intervals of each contig begin, shape (contigs + 1,)."""
        numbers = np.array([self._index[each.contig] for each in intervals], np.int64)
        return np.searchsorted(numbers, np.arange(len(self._index) + 1)).astype(np.int64)

    def read(self, stream: IO[bytes], size: int) -> bool:
        """Count the records of the next ``size`` bytes of the stream; False where it has ended.

        Raises:
            AlignmentError: The stream is not an uncompressed, sorted BAM of this reference.
        """
        self._raw = _with_room(self._raw, self._raw_filled, size)
        room = self._raw[self._raw_filled : self._raw_filled + size].data
        found = stream.readinto(room)  # type: ignore[attr-defined]
        if not found:
            return False
        self._raw_filled += found
        self._data = _with_room(self._data, self._filled, self._raw_filled)
        used, filled = bam.unframe(self._raw, self._raw_filled, self._data, self._filled)
        if used == bam.BAD_FRAME:
            raise AlignmentError(
                "the stream is not an uncompressed BAM; expected the output of samtools view -u"
            )
        self._filled = int(filled)
        self._raw_filled = _drop(self._raw, self._raw_filled, int(used))
        if not self._header_read:
            self._read_header()
        if self._header_read:
            self._count()
        return True

    def _read_header(self) -> None:
        found = bam.read_header(self._data[: self._filled].tobytes())
        if found is None:
            return
        names, used = found
        if list(names) != list(self._index):
            raise AlignmentError(
                f"the alignment's header names {len(names)} contigs that are not, in order, the "
                f"{len(self._index)} of the reference; align to this reference"
            )
        self._filled = _drop(self._data, self._filled, used)
        self._header_read = True

    def _count(self) -> None:
        at = 0
        while True:
            view = self._data[at : self._filled]
            used, status = pileup.count_records(
                view, len(view), self._layout, self._counts, self._reads, self._window,
                self._mates, self._gc, self._scratch,
            )  # fmt: skip
            at += int(used)
            if status == Status.NEED_DATA:
                break
            self._continue(Status(status), self._data[at : self._filled])
        self._filled = _drop(self._data, self._filled, at)

    def _continue(self, status: Status, record: Bytes) -> None:
        """Make room or go on to the next contig, as the compiled code asks for."""
        cursor = self._window.cursor
        if status is Status.NEW_CONTIG:
            contig = int(record[4:8].view("<i4")[0])
            if contig < cursor[0]:
                raise AlignmentError(_UNSORTED)
            if contig >= len(self._index):
                raise AlignmentError(_BROKEN)
            self._begin_contig(contig)
        elif status is Status.MATES_FULL:
            self._move_mates(int(cursor[3]))
        elif status is Status.WINDOW_FULL:
            self._widen_window()
        elif status is Status.LONG_READ:
            self._reads = reads.widened(self._reads, 2 * self._reads.lengths.shape[1])
        else:
            raise AlignmentError(_UNSORTED if status is Status.UNSORTED else _BROKEN)

    def _begin_contig(self, contig: int) -> None:
        """Finish the contigs before this one; those without reads count as depth 0."""
        cursor = self._window.cursor
        for each in range(int(cursor[0]), contig):
            if each >= 0:
                pileup.flush(self._layout, self._counts, self._window, self._layout.lengths[each])
            cursor[:] = (each + 1, 0, 0, 0, self._layout.target_first[each + 1])
            self._read_gc(self._regions.contigs[each + 1].name)
        self._mates.keys[:] = 0
        self._mates.used[:] = 0

    def _read_gc(self, name: str) -> None:
        """GC of the windows of a contig, as Picard counts them.

        A read that begins at the 1-based position p counts at the window that begins with the
        base after it, and the last windows of a contig are not looked at: so does Picard.
        """
        with open_fasta(self._fasta) as file:
            length = file.get_reference_length(name)
            windows = max(length - pileup.GC_WINDOW, 0)
            self._gc = np.full(length + 1, pileup.NO_GC, np.uint8)
            for start in range(1, windows, _WINDOW):
                end = min(start + _WINDOW, windows)
                text = file.fetch(name, start, end + pileup.GC_WINDOW - 1).encode("ascii")
                pileup.gc_percents(np.frombuffer(text, np.uint8), self._gc[start:end])
        for start in range(0, len(self._gc), _WINDOW):
            found = np.bincount(self._gc[start : start + _WINDOW], minlength=256)
            self._gc_windows += found[:101]

    @property
    def site_bases(self) -> Longs:
        """Bases A C G T that depth counts at each of the common SNVs, shape (sites, 4)."""
        bases: Longs = self._counts.site_bases[self._sites.of == 0]
        return bases

    def _heterozygosity(self) -> dict[Part, Heterozygosity]:
        """Heterozygous bases of the sampled parts of the genome."""
        sites = self._sites
        found = {}
        for number, part in enumerate(SAMPLED, start=1):
            mine = sites.of == number
            found[part] = count_heterozygous(
                sites.contig[mine], sites.position[mine], self._counts.site_bases[mine]
            )
        return found

    def _contamination(self) -> Estimate | None:
        """What the bases at the common SNVs say."""
        common = self._regions.common
        if common is None:
            return None
        sites = np.arange(len(common))
        bases = self.site_bases
        reference = bases[sites, common.reference]
        alternate = bases[sites, common.alternate]
        other = bases.sum(axis=1) - reference - alternate
        return likelihood_estimate(reference, alternate, other, common.frequency)

    def _move_mates(self, position: int) -> None:
        old = self._mates
        live = (old.keys != 0) & (old.end > position)
        entries, size = int(live.sum()), int((old.end - old.start)[live].sum())
        places, arena = len(old.keys), len(old.arena)
        while entries * 4 > places:
            places *= 2
        # Room for what is kept and for the longest read that the window takes.
        arena = max(arena, 2 * size + len(self._window.depth))
        self._mates = pileup.new_mates(places, arena)
        pileup.move_mates(old, self._mates, position)

    def _widen_window(self) -> None:
        depth, cursor = self._window
        wider = np.zeros(2 * len(depth), np.int32)
        wider[: len(depth)] = depth
        self._window = Window(wider, cursor)
        self._scratch = np.zeros(len(wider), np.uint8)

    def read_stats(self) -> str:
        """Counts of reads, pairs and base qualities, in the format of ``samtools stats``."""
        return reads.stats_text(self._reads)

    def finish(self) -> AlignmentTally:
        """Everything that was counted; the stream has ended.

        Raises:
            AlignmentError: It ended within a record or before the first.
        """
        if not self._header_read or self._filled or self._raw_filled:
            raise AlignmentError("the alignment ends within a record; it is cut short")
        last = len(self._index) - 1
        self._begin_contig(last)
        pileup.flush(self._layout, self._counts, self._window, self._layout.lengths[last])
        counts = self._counts
        lengths = np.bincount(
            self._layout.interval_group,
            weights=self._layout.interval_end - self._layout.interval_start,
            minlength=len(self._groups),
        )
        return AlignmentTally(
            groups={
                key: Coverage(
                    int(lengths[group]),
                    int(counts.group_bases[group]),
                    _at_least(counts.group_low[group]),
                )
                for key, group in self._groups.items()
            },
            histograms={
                part: np.trim_zeros(histogram, "b")
                for part, histogram in zip(_PARTS, counts.histogram, strict=True)
                if histogram.any()
            },
            targets=tuple(
                (
                    target.gene,
                    target.region,
                    Coverage(
                        len(target.interval),
                        int(counts.target_bases[number]),
                        _at_least(counts.target_low[number]),
                    ),
                )
                for number, target in enumerate(self._targets)
            ),
            contamination=self._contamination(),
            heterozygosity=self._heterozygosity(),
            gc_windows=self._gc_windows,
            gc_reads=counts.gc_reads,
            chimeric=int(counts.tally[Tally.CHIMERIC]),
            chimera_candidates=int(counts.tally[Tally.CHIMERA_CANDIDATES]),
            primary=int(counts.tally[Tally.PRIMARY]),
            duplicates=int(counts.tally[Tally.DUPLICATES]),
            optical=int(counts.tally[Tally.OPTICAL]),
            library=int(counts.tally[Tally.LIBRARY]),
        )


_UNSORTED = "the alignment is not sorted by position; sort it with samtools sort"
_BROKEN = "the alignment has a record that is not one of BAM; make it again"


def _at_least(low: Longs) -> Longs:
    """Bases with depth of at least ``BREADTHS``, from those at each depth up to the highest."""
    return np.cumsum(low[::-1])[::-1][list(BREADTHS)]


def _with_room(buffer: Bytes, filled: int, size: int) -> Bytes:
    """The buffer, or a larger copy where ``size`` more bytes do not fit."""
    if filled + size <= len(buffer):
        return buffer
    larger = np.zeros(2 * (filled + size), np.uint8)
    larger[:filled] = buffer[:filled]
    return larger


def _drop(buffer: Bytes, filled: int, used: int) -> int:
    """Move what follows the first ``used`` bytes to the front; how many bytes that are."""
    left = filled - used
    if used and left:
        buffer[:left] = buffer[used:filled].copy()
    return left


def tally_alignment(
    alignment: Path, fasta: Path, regions: Regions, stats: Path, threads: int
) -> AlignmentTally:
    """Count an alignment in one pass; write its reads in the format of ``samtools stats``.

    Args:
        alignment: CRAM or BAM, sorted by position.
        fasta: Its reference, indexed.
        regions: Where depth is counted.
        stats: Where that text goes.
        threads: Threads that decode the alignment.

    Raises:
        WgsError: A tool is missing or fails, or the alignment does not fit the reference.
    """
    decode = [
        *("samtools", "view", "--uncompressed", "--no-PG", "--threads", str(threads)),
        *("--reference", str(fasta), str(alignment)),
    ]
    with _running(decode) as stream:
        counter = Counter(regions, fasta)
        while counter.read(stream, _BLOCK):
            pass
    try:
        tally = counter.finish()
    except AlignmentError as error:
        raise AlignmentError(f"{alignment}: {error}") from error
    write_text(stats, counter.read_stats())
    return tally


@contextmanager
def _running(command: Sequence[str]) -> Iterator[IO[bytes]]:
    """Output of a tool that must end with 0 when the block is left; killed where the block fails.

    Raises:
        WgsError: It is missing, or did not end with 0; the message has what it said.
    """
    with ExitStack() as stack:
        message = stack.enter_context(tempfile.TemporaryFile())
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=message
            )
        except FileNotFoundError as error:
            raise WgsError(f"{command[0]} is not installed; install it and run again") from error
        assert process.stdout
        with suppress(OSError):  # more than the system allows one user
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        try:
            yield process.stdout
        except BaseException as error:
            # A tool that fails leaves a broken stream: its failure is the cause.
            cause = process.poll() if isinstance(error, WgsError) else None
            if cause and cause != -signal.SIGPIPE:
                raise _failure(command, cause, message) from error
            process.kill()
            process.wait()
            raise
        finally:
            process.stdout.close()
        if process.wait():
            raise _failure(command, process.returncode, message)


def _failure(command: Sequence[str], code: int, message: IO[bytes]) -> WgsError:
    message.seek(0)
    said = " ".join(message.read().decode("utf-8", "replace").split()) or "nothing"
    return WgsError(f"{shlex.join(command)} exited with {code} and said: {said}")
