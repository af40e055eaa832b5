"""What the database knows of the reference: contigs, pseudoautosomal regions and ploidy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import NgdError
from wgs_pipeline.karyotypes import OF_SEX, SEX_CHROMOSOMES
from wgs_pipeline.ngd.intervals import Bases, Positions
from wgs_pipeline.par import USUAL_PAR

#: The database tells one copy from two (het, hom, hemi); of more it has no genotype.
_MOST_COPIES = 2

_USUAL = {
    "x": ("X", "chrX"),
    "y": ("Y", "chrY"),
    "mitochondrion": ("M", "MT", "chrM", "chrMT"),
}


@dataclass(frozen=True)
class Reference:
    """Contigs in reference order, and where a person has other than two copies.

    Attributes:
        contigs: Name to length in bp.
        roles: Contig name to ``x``, ``y`` or ``mitochondrion``; all others are autosomes.
        par: Contig name to its pseudoautosomal (start, end), 0-based half-open.
    """

    contigs: Mapping[str, int]
    roles: Mapping[str, str] = field(default_factory=dict)
    par: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        contigs: Mapping[str, int],
        par: Mapping[str, tuple[tuple[int, int], ...]] | None = None,
        names: Mapping[str, str | None] | None = None,
    ) -> Reference:
        """Give each contig its role: as configured in ``names``, otherwise by its usual name.

        Where no PAR is given, that of GRCh37 and GRCh38 is used if X has its length.
        """
        roles = {}
        for role, usual in _USUAL.items():
            configured = (names or {}).get(role)
            for name in (configured,) if configured else usual:
                if name in contigs:
                    roles[name] = role
        if par is None:
            par = _usual_par(contigs, roles)
        return cls(dict(contigs), roles, par)

    def as_json(self) -> dict[str, Any]:
        """Plain data for ``reference.json``."""
        return {
            "contigs": [[name, length] for name, length in self.contigs.items()],
            "roles": dict(self.roles),
            "par": {name: [list(each) for each in runs] for name, runs in self.par.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Reference:
        """The reverse of ``as_json``."""
        par = {
            name: tuple((low, high) for low, high in runs) for name, runs in value["par"].items()
        }
        return cls({name: length for name, length in value["contigs"]}, value["roles"], par)

    def length(self, contig: str) -> int:
        """Length of a contig in bp.

        Raises:
            NgdError: The reference has no such contig.
        """
        if contig not in self.contigs:
            raise NgdError(
                f"contig {contig!r} is not in the reference of this database; expected one of "
                f"{', '.join(list(self.contigs)[:30])}. Correct the contig name"
            )
        return self.contigs[contig]

    def depends_on_sex(self, contig: str) -> bool:
        """Whether the karyotype decides the ploidy of this contig."""
        return self.roles.get(contig) in ("x", "y")

    def ploidy(self, contig: str, karyotype: str, positions: Positions) -> NDArray[np.int8]:
        """Expected copies at 0-based positions, shape as given.

        X: as many as there are X chromosomes, and in the PAR X and Y together, since both are
        called there. Y: as many as there are Y chromosomes, and none in the PAR. Where that is
        more than two, and for an unknown karyotype, 0: nothing is countable. Mitochondrion 1,
        all else 2.
        """
        role = self.roles.get(contig)
        if role is None:
            return np.full(positions.shape, 2, np.int8)
        if role == "mitochondrion":
            return np.ones(positions.shape, np.int8)
        x, y = SEX_CHROMOSOMES.get(karyotype, (0, 0))
        shared, alone = (x + y, x) if role == "x" else (0, y)
        inside = Bases.of(self.par.get(contig, ())).contains(positions)
        copies = np.where(inside, shared, alone)
        return np.where(copies > _MOST_COPIES, 0, copies).astype(np.int8)


def karyotype_of(sex: str, stated: str | None = None) -> str:
    """The karyotype that decides ploidy: the stated one, otherwise what the sex says.

    Raises:
        NgdError: There is no such sex, or no such karyotype.
    """
    if sex not in OF_SEX:
        raise NgdError(
            f"sex {sex!r}; expected one of {', '.join(OF_SEX)}. Correct the sample sheet, or --sex"
        )
    if stated is not None and stated not in SEX_CHROMOSOMES:
        raise NgdError(
            f"karyotype {stated!r}; expected one of {', '.join(SEX_CHROMOSOMES)}. Correct it, or "
            "leave it out: then the sex decides"
        )
    return stated or OF_SEX[sex]


def _usual_par(
    contigs: Mapping[str, int], roles: Mapping[str, str]
) -> dict[str, tuple[tuple[int, int], ...]]:
    x = next((name for name, role in roles.items() if role == "x"), None)
    known = USUAL_PAR.get(contigs[x], {}) if x else {}
    return {name: tuple(known[role]) for name, role in roles.items() if role in known}
