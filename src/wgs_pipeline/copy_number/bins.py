"""Depth in bins along the genome, with what biases and places each of them."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.bgzf import BROKEN_GZIP
from wgs_pipeline.copy_number.expected import DIPLOID, ExpectedCopies
from wgs_pipeline.errors import StructuralError
from wgs_pipeline.reference import Interval, open_fasta

_IS_BASE = np.zeros(256, np.bool_)
_IS_BASE[list(b"ACGTacgt")] = True
_IS_GC = np.zeros(256, np.bool_)
_IS_GC[list(b"GCgc")] = True

#: Starts, ends and depth of the bins of a contig.
_Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class Bins:
    """Bins of one contig, in order; all arrays have shape (bins,).

    Attributes:
        contig: The contig.
        starts: First base, 0-based.
        ends: After the last base.
        depth: Mean depth (reads).
        gc: Share of G and C among the known bases; NaN where there are none.
        usable: Whether the bin says anything: known bases enough, not excluded.
        expected: Copies that the person is expected to have.
    """

    contig: str
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    depth: NDArray[np.float64]
    gc: NDArray[np.float64]
    usable: NDArray[np.bool_]
    expected: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.starts)


def read_bins(
    depth: Path,
    fasta: Path,
    excluded: Sequence[Interval],
    expected: ExpectedCopies,
    min_known: float,
) -> list[Bins]:
    """Read what ``mosdepth --by BASES`` wrote, contig by contig.

    Args:
        depth: Its regions.bed.gz: contig, start, end, mean depth.
        fasta: Indexed reference.
        excluded: Intervals in which no change is looked for.
        expected: Copies that the person is expected to have.
        min_known: Bins with a smaller share of known bases, or of bases outside ``excluded``, are
            not usable.

    Raises:
        StructuralError: The file is cut off, of another reference, or something else.
    """
    found = []
    with open_fasta(fasta) as file:
        measured = _read_depth(depth)
        lengths = dict(zip(file.references, file.lengths, strict=True))
        if {name: _covered(columns) for name, columns in measured.items()} != lengths:
            raise StructuralError(
                f"{depth}: its bins do not cover {fasta} from end to end; expected all bins of "
                "this reference. mosdepth was interrupted: measure the depth again"
            )
        for contig, (starts, ends, values) in measured.items():
            known, gc = _composition(file.fetch(contig), starts, ends)
            bins = Bins(
                contig,
                starts,
                ends,
                values,
                gc,
                known >= min_known,
                _expected(expected, contig, starts, ends),
            )
            own = [each for each in excluded if each.contig == contig]
            found.append(_without(bins, own, min_known))
    return found


def _covered(columns: _Columns) -> int:
    """The length that bins cover without a gap from the start; -1 where there is one."""
    starts, ends, _ = columns
    whole = starts[0] == 0 and bool(np.all(starts[1:] == ends[:-1])) and bool(np.all(ends > starts))
    return int(ends[-1]) if whole else -1


def _read_depth(path: Path) -> dict[str, _Columns]:
    import pyarrow as pa
    from pyarrow import csv

    names = ["contig", "start", "end", "depth"]
    types = {"contig": pa.string(), "start": pa.int64(), "end": pa.int64(), "depth": pa.float64()}
    try:
        with gzip.open(path) as file:
            table = csv.read_csv(
                file,
                read_options=csv.ReadOptions(column_names=names),
                parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
                convert_options=csv.ConvertOptions(column_types=types),
            )
        contigs = table["contig"].combine_chunks().dictionary_encode()
        columns = [table[name].to_numpy() for name in names[1:]]
    except (OSError, pa.ArrowInvalid, *BROKEN_GZIP) as error:
        raise StructuralError(
            f"{path}: cannot be read ({error}); expected contig, start, end and depth as "
            "mosdepth --by writes them. Measure the depth again"
        ) from error
    codes = contigs.indices.to_numpy()
    return {
        name: (columns[0][codes == code], columns[1][codes == code], columns[2][codes == code])
        for code, name in enumerate(contigs.dictionary.to_pylist())
    }


def _composition(
    sequence: str, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of known bases in each bin, and of G and C among them."""
    bases = np.frombuffer(sequence.encode("ascii"), np.uint8)
    known = np.add.reduceat(_IS_BASE[bases], starts, dtype=np.int64)
    gc = np.add.reduceat(_IS_GC[bases], starts, dtype=np.int64)
    with np.errstate(invalid="ignore"):
        return known / (ends - starts), gc / known


def _expected(
    expected: ExpectedCopies, contig: str, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int8]:
    found = np.full(len(starts), DIPLOID, np.int8)
    middles = (starts + ends) // 2
    for run in expected.runs(contig):
        found[(middles >= run.interval.start) & (middles < run.interval.end)] = run.ploidy
    return found


def _without(bins: Bins, excluded: Sequence[Interval], min_known: float) -> Bins:
    """Bins of which more than the rest lies in excluded intervals are not usable."""
    covered = np.zeros(len(bins))
    for each in excluded:
        shared = np.minimum(bins.ends, each.end) - np.maximum(bins.starts, each.start)
        covered += np.maximum(shared, 0)
    share = covered / (bins.ends - bins.starts)
    return replace(bins, usable=bins.usable & (1 - share >= min_known))
