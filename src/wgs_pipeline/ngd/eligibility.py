"""Whose genomes a purpose may use now: the consent register, applied to every slot.

The register is judged anew whenever its file changes. Events cannot lie in the future, so while
the file stays as it is, a decision stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.consent.decisions import decide_many
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.ngd.consents import read_consents, register_stamps
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault


@dataclass(frozen=True)
class _Basis:
    """What a decision rests on; equal bases give equal decisions."""

    register: tuple[tuple[int, ...], ...]
    vault: int
    generation: int


class Eligibility:
    """The slots that one purpose may use, as of now."""

    def __init__(self, root: Root, vault: Vault, purpose: Purpose) -> None:
        self._root, self._vault, self._purpose = root, vault, purpose
        self._basis: _Basis | None = None
        self._allowed: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def allowed(self, generation: int) -> NDArray[np.bool_]:
        """Which slots may be used, shape (slots ever given,).

        A slot that the vault has retired by this generation may not.

        Args:
            generation: The pinned generation.

        Raises:
            RegisterError: A file is missing, empty or too old, or has shrunk.
            ProblemsError: Everything wrong with its rows.
        """
        basis = self._present_basis(generation)
        if basis is None or basis != self._basis:
            self._allowed = self._decided(generation)
            self._basis = basis
        return self._allowed

    def _present_basis(self, generation: int) -> _Basis | None:
        """What a decision would rest on; None where that may change unnoticed."""
        register = register_stamps(self._root)
        if register is None:
            return None
        return _Basis(register, self._vault.version(), generation)

    def _decided(self, generation: int) -> NDArray[np.bool_]:
        register = read_consents(self._root, self._vault)
        holders = self._vault.holders()
        rulings = decide_many(
            register,
            holders.patient_ids,
            self._purpose,
            datetime.now(UTC),
            self._root.settings.research_default,
        )
        in_use = (holders.retired < 0) | (holders.retired > generation)
        result = np.zeros(int(holders.slots.max(initial=-1)) + 1, np.bool_)
        result[holders.slots] = rulings & in_use
        return result
