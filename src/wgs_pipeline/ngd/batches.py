"""Batches of contigs for jobs that work contig by contig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.ngd.generation import current_number
from wgs_pipeline.ngd.layout import Root


def contig_batches(lengths: Mapping[str, int]) -> list[list[str]]:
    """Contigs in their order, in batches no longer than the longest contig.

    A reference with thousands of small contigs makes few batches, and no batch takes longer
    than the longest contig does alone.

    Args:
        lengths: Contig to length in bp.
    """
    most = max(lengths.values(), default=0)
    batches: list[list[str]] = []
    room = 0
    for contig, length in lengths.items():
        if not batches or length > room:
            batches.append([])
            room = most
        batches[-1].append(contig)
        room -= length
    return batches


@dataclass(frozen=True)
class State:
    """A database at one moment.

    Attributes:
        number: Its current generation.
        batches: Name of each batch, ``contigs-0000`` and so on, to its contigs.
    """

    number: int
    batches: dict[str, list[str]]


def read_state(path: Path) -> State:
    """Read the current generation of a database, and make batches of its contigs.

    Raises:
        NgdError: There is no database, or it is damaged.
    """
    root = Root.open(path)
    batches = contig_batches(root.reference().contigs)
    named = {f"contigs-{number:04d}": batch for number, batch in enumerate(batches)}
    return State(current_number(root), named)
