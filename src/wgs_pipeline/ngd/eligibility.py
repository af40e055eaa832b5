"""Whose genomes a purpose may use now: the consent register, applied to every slot.

The register is judged anew whenever its file changes. Events cannot lie in the future, so while
the file stays as it is, a decision stays what it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.consent.decisions import decide_many
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault

#: A file that changed this recently may change again without a new time stamp (some file systems
#: keep seconds only).
_UNSETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class _Basis:
    """What a decision rests on; equal bases give equal decisions."""

    inode: int
    size: int
    changed_ns: int
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
            ConsentError: The register is missing, unreadable or empty.
            ProblemsError: Everything wrong with its rows.
        """
        basis = self._present_basis(generation)
        if basis is None or basis != self._basis:
            self._allowed = self._decided(generation)
            self._basis = basis
        return self._allowed

    def _present_basis(self, generation: int) -> _Basis | None:
        """What a decision would rest on; None where that may change unnoticed."""
        try:
            found = self._root.consents.stat()
        except OSError:
            return None  # reading the register says what is wrong
        if time.time_ns() - found.st_mtime_ns < _UNSETTLED_NS:
            return None
        version = self._vault.version()
        return _Basis(found.st_ino, found.st_size, found.st_mtime_ns, version, generation)

    def _decided(self, generation: int) -> NDArray[np.bool_]:
        register = ConsentRegister.read(self._root.consents)
        holders = self._vault.holders()
        rulings = decide_many(
            register,
            [patient_id for _, patient_id, _ in holders],
            self._purpose,
            datetime.now(UTC),
            self._root.settings.research_default,
        )
        result = np.zeros(1 + max((slot for slot, _, _ in holders), default=-1), np.bool_)
        for (slot, _, retired), ruling in zip(holders, rulings.tolist(), strict=True):
            result[slot] = ruling and (retired is None or retired > generation)
        return result
