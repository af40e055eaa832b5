"""Slots as samples, and samples as slots: what the vault tells of many genomes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.roster import Slots
from wgs_pipeline.ngd.segments import by_place
from wgs_pipeline.vault import Vault

#: Slots that are looked up at once: so few that what NumPy makes of them stays in the cache.
_BLOCK = 32_768


@dataclass(frozen=True)
class _Samples:
    """Samples of a vault as columns, by place.

    Attributes:
        place: Place of each slot, shape (slots ever given,).
        sample_ids: sample_id of each place.
        assays: Distinct assays.
        assay: Which of them each place has, shape (places,).
        active: Slots in use, shape (places,); False for replaced ones.
        slots: Slot of each place, shape (places,).
    """

    place: NDArray[np.int64]
    sample_ids: pa.StringArray
    assays: pa.StringArray
    assay: NDArray[np.int32]
    active: NDArray[np.bool_]
    slots: Slots


class People:
    """Samples of a vault, read anew when somebody else has written to it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._version: int | None = None
        self._kept: _Samples | None = None

    def columns(self, slots: Slots) -> tuple[NDArray[np.int64], dict[str, pa.Array]]:
        """Distinct slots, and sample_id and assay of each slot as dictionaries.

        Args:
            slots: Slots in any order, any number of times, shape (rows,).

        Returns:
            The slots that occur, ascending, and the columns, which hold no other sample.
        """
        samples = self._samples()
        present, codes = _distinct(slots)
        places = samples.place[present]
        assay = np.zeros(len(codes), np.int32)
        if (samples.assay[places] != 0).any():
            assay = samples.assay[places].take(codes)
        ids = samples.sample_ids.take(pa.array(places))
        return present, {
            "sample_id": by_place(codes, ids),
            "assay": by_place(assay, samples.assays),
        }

    def slots_of(self, sample_ids: Sequence[str]) -> Slots:
        """Slots of the active genomes of some samples, ascending.

        Raises:
            NgdError: A sample is not loaded.
        """
        samples = self._samples()
        wanted = pa.array(sorted(set(sample_ids)), pa.string())
        active = pa.array(samples.active)
        missing = wanted.filter(
            pc.invert(pc.is_in(wanted, value_set=samples.sample_ids.filter(active)))
        )
        if len(missing):
            raise NgdError(
                f"{len(missing)} of {len(wanted)} samples are not loaded, such as "
                f"{missing[0].as_py()[:80]!r}; expected sample_ids of this database. "
                "Correct the list"
            )
        mine = np.asarray(pc.is_in(samples.sample_ids, value_set=wanted)).astype(np.bool_)
        slots: Slots = np.sort(samples.slots[mine & samples.active])
        return slots

    def _samples(self) -> _Samples:
        version = self._vault.version()
        if self._kept is None or version != self._version:
            self._kept, self._version = _as_columns(self._vault.samples()), version
        return self._kept


def _as_columns(rows: list[tuple[int, str, str, int | None]]) -> _Samples:
    slots, sample_ids, assays, retired = zip(*rows, strict=True) if rows else ((), (), (), ())
    numbers = np.array(slots, np.uint32)
    place = np.zeros(int(numbers.max()) + 1 if len(numbers) else 0, np.int64)
    place[numbers] = np.arange(len(numbers))
    encoded = pa.array(assays, pa.string()).dictionary_encode()
    return _Samples(
        place,
        pa.array(sample_ids, pa.string()),
        encoded.dictionary,
        np.asarray(encoded.indices).astype(np.int32),
        np.array([each is None for each in retired], np.bool_),
        numbers,
    )


def _distinct(slots: Slots) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Distinct slots, ascending, and the place of each slot among them; faster than a sort."""
    present = np.zeros(int(slots.max()) + 1 if len(slots) else 0, np.bool_)
    blocks = [slice(at, at + _BLOCK) for at in range(0, len(slots), _BLOCK)]
    for block in blocks:
        present[slots[block].astype(np.intp)] = True
    places = np.cumsum(present, dtype=np.int32) - np.int32(1)
    codes = np.empty(len(slots), np.int32)
    for block in blocks:
        places.take(slots[block].astype(np.intp), out=codes[block], mode="clip")
    return np.flatnonzero(present), codes
