"""Fingerprints: what one genome carries at a few thousand places, small enough to compare with all.

Places are the same for every genome of a reference and chosen without knowing any: short windows
spread evenly over the autosomes, or the sites of a list. A fingerprint holds the SNVs carried there
and the runs of bases that were examined, so that two of them have a genotype at every site that
either varies at: carried, not carried, or not examined.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import replacing

Ints = NDArray[np.int64]
#: Dosages of ALT by sample and site: 0, 1 or 2; -1 where not examined.
Dosages = NDArray[np.int8]
NOT_EXAMINED = -1
#: Windows of this many bases, so many that all together have at most ``WINDOWS_BP``.
WINDOW_BP, WINDOWS_BP = 1_000, 10_000_000
#: From this many genomes on, sites of a matrix have a minor allele of at least ``LEAST_FREQUENCY``.
MANY_SAMPLES, LEAST_FREQUENCY = 20, 0.05
_VERSION = 1
_BASES = "ACGT"


@dataclass(frozen=True)
class Panel:
    """The places at which genomes are compared.

    A base has one number over all autosomes: those of the contigs before it, and its 0-based
    position.

    Attributes:
        offsets: Number of the first base of each autosome.
        digest: What two fingerprints must have in common to be compared.
        starts: First base of each place, ascending.
        ends: One past its last base.
    """

    offsets: Mapping[str, int]
    digest: str
    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, autosomes: Mapping[str, int], sites: Mapping[str, Ints] | None = None) -> Panel:
        """Places on a reference.

        Args:
            autosomes: Name to length (bp), in the order of the reference.
            sites: 0-based positions by contig; None: windows.
        """
        ends = np.cumsum([0, *autosomes.values()])
        offsets = {name: int(end) for name, end in zip(autosomes, ends, strict=False)}
        if sites is None:
            starts, stops = _windows(int(ends[-1]))
        else:
            known = [offsets[name] + at for name, at in sites.items() if name in offsets]
            starts = np.unique(np.concatenate(known)) if known else np.empty(0, np.int64)
            stops = starts + 1
        digest = hashlib.sha256(repr((_VERSION, list(autosomes.items()))).encode())
        digest.update(starts.astype("<i8").tobytes() + stops.astype("<i8").tobytes())
        return cls(offsets, digest.hexdigest(), starts, stops)

    def contains(self, bases: Ints) -> NDArray[np.bool_]:
        """Which bases, by number, lie in one of the places."""
        return _inside(self.starts, self.ends, bases)


def _windows(length: int) -> tuple[Ints, Ints]:
    """Windows spread over a genome; all of it where it is small."""
    if length <= WINDOWS_BP:
        return np.array([0], np.int64), np.array([length], np.int64)
    starts = np.linspace(0, length - WINDOW_BP, WINDOWS_BP // WINDOW_BP).astype(np.int64)
    return starts, starts + WINDOW_BP


@dataclass(frozen=True)
class Fingerprint:
    """One genome at the places of a panel.

    Attributes:
        sample: sample_id.
        panel: Digest of the panel.
        keys: SNVs carried, as ``snv_keys`` numbers them, ascending.
        dosages: 1 heterozygous, 2 homozygous; shape as ``keys``.
        starts: First base of each run that was examined, ascending.
        ends: One past its last base.
    """

    sample: str
    panel: str
    keys: Ints
    dosages: Dosages
    starts: Ints
    ends: Ints

    def examined(self, bases: Ints) -> NDArray[np.bool_]:
        """Which bases, by number, were examined."""
        return _inside(self.starts, self.ends, bases)

    def write(self, path: Path) -> None:
        """Write it as a NumPy archive."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                sample=np.array(self.sample), panel=np.array(self.panel), keys=self.keys,
                dosages=self.dosages, starts=self.starts, ends=self.ends,
            )  # fmt: skip


def nothing_examined(sample: str, panel: Panel) -> Fingerprint:
    """The fingerprint of a sample that was not called."""
    none = np.empty(0, np.int64)
    return Fingerprint(sample, panel.digest, none, none.astype(np.int8), none, none)


def read_fingerprint(path: Path) -> Fingerprint:
    """Read what ``Fingerprint.write`` wrote.

    Raises:
        WgsError: The file cannot be read or is none.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as each:
            return Fingerprint(
                str(each["sample"]), str(each["panel"]), each["keys"], each["dosages"],
                each["starts"], each["ends"],
            )  # fmt: skip
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise WgsError(
            f"{path}: no fingerprint ({type(error).__name__}); make it again with wgs qc "
            "fingerprint"
        ) from error


def snv_keys(bases: Ints, refs: Ints, alts: Ints) -> Ints:
    """Numbers of SNVs, rising with their bases.

    Args:
        bases: Numbers of their bases.
        refs: REF: 0 to 3 for A, C, G, T.
        alts: ALT, likewise.
    """
    return bases * 16 + refs * 4 + alts


def snv_of(key: int) -> tuple[int, str, str]:
    """Base, REF and ALT of a number of ``snv_keys``."""
    return key // 16, _BASES[key % 16 // 4], _BASES[key % 4]


def dosage_matrix(prints: Sequence[Fingerprint], most_sites: int = 10_000) -> Dosages:
    """Dosages of several genomes at the sites where any of them varies, biallelic ones only.

    Args:
        prints: Fingerprints of one panel.
        most_sites: Where there are more sites, as many spread evenly over them.

    Returns:
        Shape (genomes, sites).

    Raises:
        WgsError: The fingerprints are of several panels.
    """
    if len({each.panel for each in prints}) > 1:
        raise WgsError(
            "fingerprints of different references or sites cannot be compared; expected one panel. "
            "Make them again"
        )
    keys = np.unique(np.concatenate([each.keys for each in prints]))
    bases = keys // 16
    alone = np.ones(len(keys), np.bool_)
    alone[1:] &= bases[1:] != bases[:-1]
    alone[:-1] &= bases[:-1] != bases[1:]
    keys = keys[alone]
    matrix = np.stack([_dosages_at(each, keys) for each in prints])
    if len(prints) >= MANY_SAMPLES:
        matrix = matrix[:, _frequencies(matrix) >= LEAST_FREQUENCY]
    if matrix.shape[1] > most_sites:
        matrix = matrix[:, np.linspace(0, matrix.shape[1] - 1, most_sites).astype(np.int64)]
    return matrix


def _dosages_at(one: Fingerprint, keys: Ints) -> Dosages:
    result = np.where(one.examined(keys // 16), 0, NOT_EXAMINED).astype(np.int8)
    at = np.searchsorted(keys, one.keys)
    mine = at < len(keys)
    mine[mine] = keys[at[mine]] == one.keys[mine]
    result[at[mine]] = one.dosages[mine]
    return result


def _frequencies(matrix: Dosages) -> NDArray[np.float64]:
    """Frequency of the minor allele of each site."""
    examined = (matrix >= 0).sum(axis=0)
    carried = np.where(matrix > 0, matrix, 0).sum(axis=0, dtype=np.int64)
    frequency = carried / np.maximum(2 * examined, 1)
    minor: NDArray[np.float64] = np.minimum(frequency, 1 - frequency)
    return minor


def _inside(starts: Ints, ends: Ints, bases: Ints) -> NDArray[np.bool_]:
    if not len(starts):
        return np.zeros(bases.shape, np.bool_)
    run = np.searchsorted(starts, bases, side="right") - 1
    inside: NDArray[np.bool_] = (run >= 0) & (bases < ends[run])
    return inside
