"""Small numbers: counts of few people are not shown in research and statistics.

Each genome that is callable at a site is in one cell: two, one or no copies of the variant where
two are expected (n_hom, n_het, the rest), one or none where one is (n_hemi, the rest). A cell of 1
to 4 persons is small, the two rests too: four persons without a variant that all others carry are
as few as four carriers. Since AC = n_het + 2 n_hom + n_hemi and AN stand beside the cells, what is
hidden must not follow from them. So a row is shown in the first of these forms that fits:

* whole: no cell is small. AC, AN, AF and every n_*;
* alleles: AC and AN - AC are at least 10. AC, AN, AF;
* few: 1 to 4 persons carry it, of at least 10. AN, that AC is ``<5``, and which n_* are;
* none: AN alone.

AN is hidden too where 1 to 4 genomes with one copy, or with two, are callable. Where the copies
at a position that the shown rows leave could not hold the hidden rows whatever these are, no row
of that position shows its alleles.

A project that asks for a greater minimum than 5 is shown less of the same: what is hidden further
depends on shown numbers only, so two projects together know no more than one with minimum 5.

Which form a row has says no more than that: ``tests/unit/ngd/test_suppression_attack.py`` tries
every count that fits what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.tiers import COUNTS

WITHHELD = "withheld"
#: Fewest persons that are shown, whatever a project says.
LEAST_COUNT = 5
#: Columns: genomes callable at the site, by the copies that are expected of them.
COPIES = ("one_copy", "two_copies")

_Counts = NDArray[np.int64]
_Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Suppression:
    """How counts are shown.

    Attributes:
        minimum: Least number of persons that is shown; at least ``LEAST_COUNT``.
    """

    minimum: int

    def apply(self, table: pa.Table) -> pa.Table:
        """Hide small numbers; counts become text.

        Args:
            table: Rows of one contig, sorted by pos: pos, AC, AN, AF, n_het, n_hom, n_hemi and
                ``COPIES``; every variant of each position.

        Returns:
            The table without ``COPIES``. AF is empty where AC or AN is hidden.
        """
        site = _Site.of(table)
        shows_number = self._shows_number(site)
        columns, shows = self._columns(site)
        columns["AN"] = self._number(site, shows_number)
        known = shows & shows_number & (site.counts["AN"] > 0)
        frequency = np.divide(
            site.counts["AC"], site.counts["AN"], out=np.zeros(len(known), np.float64), where=known
        )
        columns["AF"] = pa.array(frequency, mask=~known)
        result = table.drop_columns(list(COPIES))
        for name, values in columns.items():
            result = result.set_column(result.column_names.index(name), name, values)
        return result

    def _columns(self, site: _Site) -> tuple[dict[str, pa.Array], _Rows]:
        """AC and n_* as text in the forms that the module describes, and where AC is shown."""
        whole, alleles, few = self._forms(site)
        shows = whole | alleles
        columns = {"AC": self._few(few, _text(site.counts["AC"], shows))}
        for name in COUNTS:
            values = site.counts[name]
            text = _text(values, whole | (few & (values == 0)))
            columns[name] = self._few(few & (values > 0), text)
        return columns, shows

    def _few(self, few: _Rows, otherwise: pa.Array) -> pa.Array:
        return pc.if_else(pa.array(few), f"<{self.minimum}", otherwise)

    def _forms(self, site: _Site) -> tuple[_Rows, _Rows, _Rows]:
        """Which rows are whole, show their alleles, or few; at most one of them each."""
        whole, alleles, few = site.forms()
        if self.minimum > LEAST_COUNT:
            least = self.minimum
            carriers = site.carriers
            narrow = whole & ~site.without_small(least)
            kept = (whole | alleles) & site.with_many_alleles(least)
            few |= narrow & (carriers < least) & (site.counts["AN"] >= 4 * least) & ~kept
            whole &= ~narrow
            alleles = kept & ~whole
        return whole, alleles, few

    def _shows_number(self, site: _Site) -> _Rows:
        number = site.counts["AN"]
        shows: _Rows = site.knows_number & ((number == 0) | (number >= 2 * self.minimum))
        return shows

    def _number(self, site: _Site, shows: _Rows) -> pa.Array:
        """AN as text."""
        few = ~shows & (site.counts["AN"] < 2 * self.minimum)
        text = _text(site.counts["AN"], shows)
        return pc.if_else(pa.array(few), f"<{2 * self.minimum}", text) if few.any() else text


@dataclass(frozen=True)
class _Site:
    """Rows as numbers; every array has shape (rows,)."""

    positions: _Counts
    counts: dict[str, _Counts]

    @classmethod
    def of(cls, table: pa.Table) -> _Site:
        names = ("AC", "AN", *COUNTS, *COPIES)
        counts = {name: np.asarray(table[name]).astype(np.int64) for name in names}
        return cls(np.asarray(table["pos"]).astype(np.int64), counts)

    @property
    def carriers(self) -> _Counts:
        """Persons who carry the variant."""
        return self.counts["n_het"] + self.counts["n_hom"] + self.counts["n_hemi"]

    @property
    def knows_number(self) -> _Rows:
        """AN may be shown: neither kind of callable genome is few."""
        knows: _Rows = ~(_small(self.counts["one_copy"]) | _small(self.counts["two_copies"]))
        return knows

    def without_small(self, minimum: int) -> _Rows:
        """Rows of which no cell is small."""
        counts = self.counts
        cells = [
            *(counts[name] for name in COUNTS),
            counts["two_copies"] - counts["n_het"] - counts["n_hom"],
            counts["one_copy"] - counts["n_hemi"],
        ]
        without: _Rows = ~np.any([_small(cell, minimum) for cell in cells], axis=0)
        return without

    def with_many_alleles(self, minimum: int) -> _Rows:
        """Rows with many copies of the variant, and many without it."""
        alleles, number = self.counts["AC"], self.counts["AN"]
        many: _Rows = (alleles >= 2 * minimum) & (number - alleles >= 2 * minimum)
        return many

    def forms(self) -> tuple[_Rows, _Rows, _Rows]:
        """Which rows are whole, show their alleles, or few, with ``LEAST_COUNT``."""
        whole = self.without_small(LEAST_COUNT) & self.knows_number
        alleles = self.with_many_alleles(LEAST_COUNT) & self.knows_number & ~whole
        genomes = self.counts["one_copy"] + self.counts["two_copies"]
        few = _small(self.carriers) & self.knows_number & (genomes >= 2 * LEAST_COUNT) & ~whole
        few &= ~alleles
        room = self._leaves_room(whole | alleles)
        return whole & room, alleles & room, few

    def _leaves_room(self, shows: _Rows) -> _Rows:
        """Whether the copies that rows with shown alleles leave hold any small hidden rows."""
        # rows are sorted, as every table of variants is, so that equal positions are neighbours
        place = np.cumsum(np.diff(self.positions, prepend=self.positions[:1]) != 0)
        size = int(place.max(initial=-1)) + 1
        used = np.bincount(place, np.where(shows, self.counts["AC"], 0), size)
        hidden = np.bincount(place, ~shows, size)
        room = self.counts["AN"] - used[place]
        fits: _Rows = (hidden[place] == 0) | (room >= 2 * LEAST_COUNT * hidden[place])
        return fits


def _small(counts: _Counts, minimum: int = LEAST_COUNT) -> _Rows:
    small: _Rows = (counts != 0) & (counts < minimum)
    return small


def _text(counts: _Counts, shows: _Rows) -> pa.Array:
    """Counts as text, where they are shown."""
    text = pc.cast(pa.array(counts.astype(np.int32)), pa.string())
    return text if shows.all() else pc.if_else(pa.array(shows), text, WITHHELD)
