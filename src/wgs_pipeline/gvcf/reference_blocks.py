"""Reference blocks as ``bcftools call --gvcf`` writes them, cut and joined."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

_BLOCK = re.compile(
    rb"(?P<contig>[^\t]+)\t(?P<pos>\d+)\t\.\t(?P<ref>[^\t]+)\t\.\t\.\t(?P<filter>[^\t]+)\t"
    rb"(?:END=(?P<end>\d+);)?MinDP=(?P<min_dp>\d+)\tGT:DP\t(?P<gt>[^:\t]+):(?P<dp>\d+)\n"
)


@dataclass(frozen=True)
class ReferenceBlock:
    """A record of one sample that says: reference from here to there.

    Attributes:
        contig: Name of the contig.
        first: Position of its first base, 1-based.
        last: Position of its last base, 1-based.
        ref: REF, the first base.
        filters: FILTER.
        min_dp: INFO/MinDP, the lowest depth.
        gt: Genotype of the first base.
        dp: FORMAT/DP.
    """

    contig: bytes
    first: int
    last: int
    ref: bytes
    filters: bytes
    min_dp: int
    gt: bytes
    dp: int

    @classmethod
    def parse(cls, line: bytes) -> Self | None:
        """Read a VCF line, with its line end; None where it is not a block."""
        found = _BLOCK.fullmatch(line)
        if not found:
            return None
        return cls(
            contig=found["contig"],
            first=int(found["pos"]),
            last=int(found["end"] or found["pos"]),
            ref=found["ref"],
            filters=found["filter"],
            min_dp=int(found["min_dp"]),
            gt=found["gt"],
            dp=int(found["dp"]),
        )

    def format(self) -> bytes:
        """The VCF line; as bcftools, a block of one base has no END."""
        end = b"END=%d;" % self.last if self.last > self.first else b""
        return b"%s\t%d\t.\t%s\t.\t.\t%s\t%sMinDP=%d\tGT:DP\t%s:%d\n" % (
            self.contig, self.first, self.ref, self.filters, end, self.min_dp, self.gt, self.dp,
        )  # fmt: skip


def join_blocks(
    left: bytes, right: bytes, following: bytes, depth_bands: Sequence[int]
) -> bytes | None:
    """Join two adjoining reference blocks as ``bcftools call --gvcf`` would have made one.

    bcftools keeps the REF and the genotype of the first base, the lowest depth as MinDP and DP,
    and closes a block where the depth enters another band. Where an indel follows at the last
    base of a block, that base is taken off the block again, while its depth still counts
    (bcftools 1.16, gvcf.c).

    Args:
        left: Last record of a piece.
        right: First record of the next piece.
        following: What comes after ``right`` in its piece; its first record is enough.
        depth_bands: Lower bounds of the depth bands, ascending.

    Returns:
        The joined record, or None where the two are not parts of one block.
    """
    first, second = ReferenceBlock.parse(left), ReferenceBlock.parse(right)
    if not first or not second:
        return None
    bands = [bisect_right(depth_bands, block.min_dp) for block in (first, second)]
    adjoin = (first.contig, first.filters, first.last + 1) == (
        second.contig, second.filters, second.first,
    )  # fmt: skip
    if not adjoin or bands[0] != bands[1]:
        return None
    indel_follows = following.startswith(b"%s\t%d\t" % (second.contig, second.last))
    return replace(
        first,
        last=second.last - 1 if indel_follows else second.last,
        min_dp=min(first.min_dp, second.min_dp),
        dp=min(first.dp, second.dp),
    ).format()
