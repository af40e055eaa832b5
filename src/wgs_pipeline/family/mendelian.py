"""Mendelian errors of each child of a family, by part of the genome and kind of variant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from wgs_pipeline.family.callset import Batch, Bools
from wgs_pipeline.family.structure import Child, Family
from wgs_pipeline.family.transmission import judge, sources
from wgs_pipeline.reference import Role

KINDS = ("snv", "indel")


@dataclass
class Count:
    """Records of one child, part of the genome and kind.

    Attributes:
        judged: Records whose genotypes could be held against Mendel's laws.
        errors: Of these, those that break them.
        not_judged: Records with a missing genotype, or a number of copies that the laws say
            nothing of.
    """

    judged: int = 0
    errors: int = 0
    not_judged: int = 0

    @property
    def rate(self) -> float:
        """Share of the judged that are errors."""
        return self.errors / self.judged if self.judged else float("nan")


@dataclass
class Errors:
    """Counts of one child by (part, kind); part is autosome, par, x, y or mitochondrion."""

    child: Child
    counts: dict[tuple[str, str], Count] = field(default_factory=dict)

    def add(self, batch: Batch, role: Role, in_par: Bools, family: Family) -> None:
        """Count the records of a batch; ``in_par`` has shape (records,)."""
        column = {name: at for at, name in enumerate(family.names)}
        own = batch.alleles[:, column[self.child.name]]
        father, mother = (
            None if name is None else batch.alleles[:, column[name]]
            for name in (self.child.father, self.child.mother)
        )
        source = sources(role, self.child.sex, own, father, mother)
        judged, consistent = judge(source, own, father, mother)
        for part, inside in (("par", in_par), (role.value, ~in_par)):
            for kind, of_kind in zip(KINDS, (batch.is_snv, ~batch.is_snv), strict=True):
                here = inside & of_kind
                if here.any():
                    self._count(part, kind, judged[here], consistent[here])

    def _count(self, part: str, kind: str, judged: Bools, consistent: Bools) -> None:
        count = self.counts.setdefault((part, kind), Count())
        count.judged += int(judged.sum())
        count.errors += int((judged & ~consistent).sum())
        count.not_judged += int(np.count_nonzero(~judged))

    def rows(self) -> Iterator[tuple[str, str, Count]]:
        """(part, kind, counts) in a fixed order."""
        parts = [
            part
            for role in Role
            for part in ((role.value, "par") if role is Role.X else (role.value,))
        ]
        for part in parts:
            for kind in KINDS:
                if (part, kind) in self.counts:
                    yield part, kind, self.counts[part, kind]

    @property
    def total(self) -> Count:
        """Everything together."""
        every = self.counts.values()
        return Count(
            *(sum(getattr(c, key) for c in every) for key in ("judged", "errors", "not_judged"))
        )
