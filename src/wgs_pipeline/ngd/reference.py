"""What the database knows of the reference: contigs, pseudoautosomal regions and ploidy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.intervals import Bases, Positions
from wgs_pipeline.par import USUAL_PAR

#: Sex of the sample sheet to karyotype.
KARYOTYPES = {"female": "XX", "male": "XY", "unknown": "unknown"}

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

        X: 2 for XX; for XY 2 in the PAR and 1 outside. Y: 0 for XX; for XY 1, and 0 in the PAR,
        whose two copies are called on X. Unknown sex: 0 on both. Mitochondrion 1, all else 2.
        """
        role = self.roles.get(contig)
        if role is None:
            return np.full(positions.shape, 2, np.int8)
        if role == "mitochondrion":
            return np.ones(positions.shape, np.int8)
        if karyotype == "XX":
            return np.full(positions.shape, 2 if role == "x" else 0, np.int8)
        if karyotype != "XY":
            return np.zeros(positions.shape, np.int8)
        inside = Bases.of(self.par.get(contig, ())).contains(positions)
        return np.where(inside, 2 if role == "x" else 0, 1).astype(np.int8)


def _usual_par(
    contigs: Mapping[str, int], roles: Mapping[str, str]
) -> dict[str, tuple[tuple[int, int], ...]]:
    x = next((name for name, role in roles.items() if role == "x"), None)
    known = USUAL_PAR.get(contigs[x], {}) if x else {}
    return {name: tuple(known[role]) for name, role in roles.items() if role in known}
