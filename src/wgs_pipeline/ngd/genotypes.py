"""Genotypes as small tables: each distinct GT text of a block is parsed once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: How a genotype carries one ALT allele.
NONE, HET, HOM, HEMI = 0, 1, 2, 3

_GT = re.compile(r"[/|]?(?:\.|[0-9]{1,6})(?:[/|](?:\.|[0-9]{1,6}))*")


@dataclass(frozen=True)
class Genotypes:
    """The distinct GT texts of a block.

    Attributes:
        texts: The texts, shape (distinct,).
        alleles: Allele indices, shape (distinct, most alleles); -1 missing, -2 padding.
        count: Alleles of each, missing ones too, shape (distinct,).
        complete: No allele is missing, shape (distinct,).
        reference: All alleles are REF, shape (distinct,).
        uniform: All alleles are the same, shape (distinct,).
    """

    texts: tuple[str, ...]
    alleles: NDArray[np.int32]
    count: NDArray[np.int32]
    complete: NDArray[np.bool_]
    reference: NDArray[np.bool_]
    uniform: NDArray[np.bool_]

    def fits(self, codes: NDArray[np.int64], ploidy: NDArray[np.int8]) -> NDArray[np.bool_]:
        """Which genotypes can be counted where ``ploidy`` copies are expected.

        All-reference genotypes fit everywhere. Where two copies are expected a genotype has two
        alleles; where one is expected all its alleles are the same, so that 1/1 is hemizygous
        and 0/1 is not passed; where none is expected nothing fits.

        Args:
            codes: Index into ``texts`` per call, shape (calls,).
            ploidy: Expected copies per call, shape (calls,).
        """
        diploid = (ploidy == 2) & (self.count[codes] == 2)
        haploid = (ploidy == 1) & self.uniform[codes]
        fitting: NDArray[np.bool_] = self.reference[codes] | diploid | haploid
        return self.complete[codes] & fitting

    def kind(
        self, codes: NDArray[np.int64], allele: NDArray[np.int32], ploidy: NDArray[np.int8]
    ) -> NDArray[np.uint8]:
        """HET, HOM or HEMI of one ALT allele per call; NONE where the genotype does not fit."""
        copies = (self.alleles[codes] == allele[:, np.newaxis]).sum(axis=1)
        kind = np.where(ploidy == 1, HEMI, np.where(copies == 2, HOM, HET))
        return np.where(self.fits(codes, ploidy) & (copies > 0), kind, NONE).astype(np.uint8)


def is_genotype(text: str) -> bool:
    """Whether a text is a GT value."""
    return _GT.fullmatch(text) is not None


def parse_genotypes(texts: Sequence[str]) -> Genotypes:
    """Parse distinct GT texts, each of which ``is_genotype``.

    The last row of the result is an extra one, a missing genotype, so that the code -1 of a
    record without GT finds it.
    """
    texts = [*texts, "."]
    parsed = [
        [-1 if part == "." else int(part) for part in re.split(r"[/|]", text.lstrip("/|"))]
        for text in texts
    ]
    width = max((len(each) for each in parsed), default=1)
    alleles = np.full((len(parsed), width), -2, np.int32)
    for row, each in enumerate(parsed):
        alleles[row, : len(each)] = each
    real = alleles != -2
    return Genotypes(
        tuple(texts),
        alleles,
        real.sum(axis=1).astype(np.int32),
        ~(alleles == -1).any(axis=1),
        ((alleles == 0) | ~real).all(axis=1),
        ((alleles == alleles[:, :1]) | ~real).all(axis=1),
    )


def usual_kind(text: str) -> int:
    """Kind of a biallelic genotype that names ALT, where as many copies are expected as it has."""
    alleles = re.split(r"[/|]", text)
    if len(alleles) == 1:
        return HEMI
    return HOM if set(alleles) == {"1"} else HET


def split_text(text: str, allele: int) -> str:
    """GT of one ALT allele alone, as in a biallelic record: ``1|2`` is ``0|1`` for allele 2."""
    return re.sub(
        r"[0-9]+", lambda found: "1" if int(found[0]) == allele else "0", text.lstrip("/|")
    )
