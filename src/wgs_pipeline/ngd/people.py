"""Slots as samples, and samples as slots: what the vault tells of many genomes at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.roster import Slots
from wgs_pipeline.vault import Vault


class People:
    """Samples of a vault, read anew when somebody else has written to it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._version: int | None = None
        self._samples: list[tuple[int, str, str, int | None]] = []

    def columns(self, slots: Slots) -> dict[str, pa.Array]:
        """sample_id and assay of each slot, as dictionaries that hold no other sample.

        Args:
            slots: Slots in any order, any number of times, shape (rows,).
        """
        self._refresh()
        present, indices = _distinct(slots)
        known = {slot: (sample, assay) for slot, sample, assay, _ in self._samples}
        codes = pa.array(indices, pa.int32())
        pairs = [known[slot] for slot in present.tolist()]
        assays = pa.array([assay for _, assay in pairs], pa.string()).dictionary_encode()
        assay_codes = pa.array(np.asarray(assays.indices)[indices], pa.int32())
        samples = pa.array([sample for sample, _ in pairs], pa.string())
        return {
            "sample_id": pa.DictionaryArray.from_arrays(codes, samples),
            "assay": pa.DictionaryArray.from_arrays(assay_codes, assays.dictionary),
        }

    def slots_of(self, sample_ids: Sequence[str]) -> Slots:
        """Slots of the active genomes of some samples, ascending.

        Raises:
            NgdError: A sample is not loaded.
        """
        self._refresh()
        wanted = set(sample_ids)
        mine = [
            (slot, sample)
            for slot, sample, _, retired in self._samples
            if sample in wanted and retired is None
        ]
        missing = sorted(wanted - {sample for _, sample in mine})
        if missing:
            raise NgdError(
                f"{len(missing)} of {len(wanted)} samples are not loaded, such as "
                f"{missing[0][:80]!r}; expected sample_ids of this database. Correct the list"
            )
        return np.array(sorted(slot for slot, _ in mine), np.uint32)

    def _refresh(self) -> None:
        version = self._vault.version()
        if version != self._version:
            self._samples, self._version = self._vault.samples(), version


def _distinct(slots: Slots) -> tuple[Slots, Slots]:
    """Distinct slots, ascending, and the place of each slot among them; faster than a sort."""
    highest = int(slots.max()) + 1 if len(slots) else 0
    present = np.zeros(highest, np.bool_)
    present[slots] = True
    places = np.cumsum(present, dtype=np.uint32) - np.uint32(1)
    return np.flatnonzero(present).astype(np.uint32), places[slots].astype(np.uint32)
