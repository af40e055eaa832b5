"""Gene panels: the exons whose coverage is reported, from BED or GFF3.

Intervals are 0-based half-open.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from wgs_pipeline.errors import Problem, ProblemsError, WgsError
from wgs_pipeline.metrics.catalogue import Finding, NotApplicable
from wgs_pipeline.metrics.tally import BREADTHS, Coverage
from wgs_pipeline.reference import Interval

#: Attributes of GFF3 and GTF that name the gene of an exon (GENCODE, NCBI, Ensembl), best first.
_GENE = ("gene_name", "gene", "gene_id", "Name", "Parent", "ID")
#: Depth at which a base of an exon counts as covered in diagnosis.
_WANTED_DEPTH = 20
_WORST_SHOWN = 50


@dataclass(frozen=True, order=True)
class Target:
    """An exon, or another region, of a gene panel.

    Attributes:
        gene: Gene that it belongs to.
        interval: Where it is; overlapping exons of a gene are one.
    """

    gene: str
    interval: Interval

    @property
    def region(self) -> str:
        """As people write it: 1-based, both ends inside."""
        return f"{self.interval.contig}:{self.interval.start + 1}-{self.interval.end}"


def read_panel(path: Path) -> tuple[Target, ...]:
    """Targets of a panel, plain or gzip.

    Args:
        path: BED with the gene in the fourth column, or GFF3 or GTF (ending in gff, gff3 or gtf)
            of which the exons are taken.

    Raises:
        ProblemsError: A line is malformed.
        WgsError: The file cannot be read, or holds no target.
    """
    try:
        content = path.read_bytes()
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        lines = plain.decode("utf-8").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise WgsError(
            f"{path}: cannot be read ({error}); give a gene panel as BED or GFF3"
        ) from error
    stem = path.name.removesuffix(".gz")
    gff = stem.endswith((".gff", ".gff3", ".gtf"))
    targets, problems = list[Target](), list[Problem]()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        try:
            targets += _gff_targets(line) if gff else [_bed_target(line)]
        except (ValueError, IndexError):
            expected = "an exon with its gene (GFF3)" if gff else "contig, start, end and gene"
            problems.append(
                Problem(str(path), number, f"{line[:80]!r}", expected, "Correct the line.")
            )
    if problems:
        raise ProblemsError(problems)
    if not targets:
        raise WgsError(f"{path}: holds no {'exon' if gff else 'region'}; give a gene panel")
    return tuple(_joined(targets))


def _bed_target(line: str) -> Target:
    contig, start, end, *names = line.split("\t")
    interval = Interval(contig, int(start), int(end))
    if not 0 <= interval.start < interval.end:
        raise ValueError(line)
    return Target(names[0] if names else f"{contig}:{interval.start + 1}", interval)


def _gff_targets(line: str) -> Iterator[Target]:
    fields = line.split("\t")
    if fields[2] != "exon":
        return
    interval = Interval(unquote(fields[0]), int(fields[3]) - 1, int(fields[4]))
    attributes = dict(_attribute(each) for each in fields[8].split(";") if each.strip())
    name = next(attributes[key] for key in (*_GENE, *attributes) if key in attributes)
    if not 0 <= interval.start < interval.end:
        raise ValueError(line)
    yield Target(name, interval)


def _attribute(text: str) -> tuple[str, str]:
    """``key=value`` of GFF3 or ``key "value"`` of GTF."""
    key, _, value = text.strip().partition("=" if "=" in text else " ")
    return key, unquote(value.strip('"'))


def _joined(targets: Iterable[Target]) -> Iterator[Target]:
    """Overlapping targets of a gene as one: its transcripts share exons."""
    current: Target | None = None
    for each in sorted(set(targets)):
        same = current and (current.gene, current.interval.contig) == (
            each.gene,
            each.interval.contig,
        )
        if current and same and each.interval.start < current.interval.end:
            end = max(current.interval.end, each.interval.end)
            inside = current.interval
            current = Target(each.gene, Interval(inside.contig, inside.start, end))
            continue
        if current:
            yield current
        current = each
    if current:
        yield current


def panel_metrics(targets: Sequence[tuple[str, str, Coverage]]) -> dict[str, Finding]:
    """Depth and breadth over all targets of the panel; of a base in two genes twice."""
    names = ("mean_panel_coverage", "pct_panel_20x", "panel_exons_below_20x")
    if not targets:
        return dict.fromkeys(names, NotApplicable("no gene panel is configured (qc.panel)"))
    total = sum((coverage for _, _, coverage in targets), Coverage.nothing())
    below = sum(_covered(coverage) < coverage.length for _, _, coverage in targets)
    share = 100 * _covered(total) / total.length
    return dict(zip(names, (total.mean, share, below), strict=True))


def _covered(coverage: Coverage) -> int:
    return int(coverage.at_least[BREADTHS.index(_WANTED_DEPTH)])


def panel_json(targets: Sequence[tuple[str, str, Coverage]]) -> dict[str, Any]:
    """Coverage a gene, and the worst exons, for ``metrics.json``."""
    genes: dict[str, Coverage] = {}
    for gene, _, coverage in targets:
        genes[gene] = genes.get(gene, Coverage.nothing()) + coverage
    worst = sorted(
        (each for each in targets if _covered(each[2]) < each[2].length),
        key=lambda each: (_covered(each[2]) / each[2].length, each[2].mean, each[:2]),
    )
    return {
        "genes": [{"gene": gene, **_row(coverage)} for gene, coverage in sorted(genes.items())],
        "worst_exons": [
            {"gene": gene, "region": region, **_row(coverage)}
            for gene, region, coverage in worst[:_WORST_SHOWN]
        ],
    }


def _row(coverage: Coverage) -> dict[str, Any]:
    row: dict[str, Any] = {"length": coverage.length, "mean": coverage.mean}
    for depth, bases in zip(BREADTHS, coverage.at_least.tolist(), strict=True):
        row[f"pct_{depth}x"] = 100 * bases / coverage.length
    return row
