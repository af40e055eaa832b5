"""Whose genomes a purpose may use now: the consent register, applied to every slot.

The register is judged anew whenever its file changes. Events cannot lie in the future, so while
the file stays as it is, a decision stays what it is. It is kept in the vault's folder, so that a
command that asks one question need not judge everyone again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.errors import OutputError
from wgs_pipeline.files import write_text
from wgs_pipeline.ngd.consents import read_consents, register_stamps, seen
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault

#: How decisions are made; another number when that changes, so that none of before is used.
_RULES = 1


@dataclass(frozen=True)
class _Basis:
    """What a decision rests on; equal bases give equal decisions."""

    register: tuple[tuple[int, ...], ...]
    vault: int
    generation: int


@dataclass(frozen=True)
class _KeptBasis:
    """The same, in words that other processes understand."""

    rules: int
    register: tuple[tuple[int, ...], ...]
    seen: str
    census: tuple[int, int, int]
    generation: int
    purpose: str
    research_default: str

    @property
    def digest(self) -> str:
        """SHA-256 of it."""
        return hashlib.sha256(json.dumps(asdict(self)).encode("utf-8")).hexdigest()


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
        if basis is None:
            self._allowed = self._decided(generation)
        elif basis != self._basis:
            self._allowed = self._kept(generation, basis)
        self._basis = basis
        return self._allowed

    def _present_basis(self, generation: int) -> _Basis | None:
        """What a decision would rest on; None where that may change unnoticed."""
        register = register_stamps(self._root)
        if register is None:
            return None
        return _Basis(register, self._vault.version(), generation)

    def _kept(self, generation: int, basis: _Basis) -> NDArray[np.bool_]:
        """The decision that the vault's folder keeps; made and kept where it has none."""
        path = self._vault.path / f"eligible.{self._purpose}.json"
        allowed = _read(path, self._kept_basis(basis).digest)
        if allowed is None:
            allowed = self._decided(generation)
            # what was read may be newer than what it would be kept for
            if self._present_basis(generation) == basis:
                with suppress(OutputError):  # the next one decides anew
                    _write(path, self._kept_basis(basis).digest, allowed)
        return allowed

    def _kept_basis(self, basis: _Basis) -> _KeptBasis:
        return _KeptBasis(
            _RULES,
            basis.register,
            seen(self._vault),
            self._vault.census(),
            basis.generation,
            str(self._purpose),
            str(self._root.settings.research_default),
        )

    def _decided(self, generation: int) -> NDArray[np.bool_]:
        from wgs_pipeline.consent.decisions import decide_many

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


def _read(path: Path, basis: str) -> NDArray[np.bool_] | None:
    """A decision that was kept, unless it rests on something else or is damaged."""
    try:
        value = json.loads(path.read_bytes())
        packed = base64.b64decode(value["slots"])
        if value["basis"] != basis or value["content"] != _content(basis, value["count"], packed):
            return None
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=value["count"])
        return bits.astype(np.bool_)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, basis: str, allowed: NDArray[np.bool_]) -> None:
    packed, count = np.packbits(allowed).tobytes(), len(allowed)
    value = {
        "basis": basis,
        "content": _content(basis, count, packed),
        "count": count,
        "slots": base64.b64encode(packed).decode("ascii"),
    }
    write_text(path, json.dumps(value) + "\n")


def _content(basis: str, count: int, packed: bytes) -> str:
    return hashlib.sha256(f"{basis} {count} ".encode() + packed).hexdigest()
