"""Genes and other named intervals, from GFF3 or BED."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.names import Naming, Region
from wgs_pipeline.ngd.textlines import bare_name, numbered_lines

#: Attributes of GFF3 that name a gene, the one that is shown first (GENCODE, Ensembl, NCBI).
_NAMES = ("gene_name", "Name", "gene", "gene_id", "ID")


@dataclass(frozen=True)
class Gene:
    """A named interval."""

    name: str
    region: Region


@dataclass(frozen=True)
class _Line:
    """An interval as it stands in a file: 0-based half-open, and all that it is called."""

    number: int
    contig: str
    start: int
    end: int
    names: tuple[str, ...]


def read_genes(path: Path, naming: Naming, names: Collection[str] = ()) -> list[Gene]:
    """Intervals of a file, in its order.

    Args:
        path: GFF3 (its genes) or BED (all lines; the fourth column is the name), plain or gzip.
        naming: Contigs of the database and their other names.
        names: Only these, by symbol or identifier, with or without its version; none: all that lie
            on contigs of the database.

    Raises:
        NgdError: The file is malformed, or a name is not in it.
    """
    wanted, found, elsewhere = set(names), list[Gene](), dict[str, str]()
    for line in _lines(path):
        called = [each for each in line.names if each in wanted] if wanted else [line.names[0]]
        if not called:
            continue
        contig = naming.aliases.get(line.contig, line.contig)
        if contig not in naming.reference.contigs:
            elsewhere[called[0]] = line.contig
            continue
        length = naming.reference.contigs[contig]
        if line.end > length:
            raise NgdError(
                f"{path}:{line.number}: {called[0]} ends at {line.end} on {contig} of {length} bp; "
                "expected genes of this database's genome build. Give the right file"
            )
        found.append(Gene(called[0], Region(contig, line.start, line.end)))
    _require_found(path, names, found, elsewhere)
    return found


def _require_found(
    path: Path, names: Collection[str], found: list[Gene], elsewhere: dict[str, str]
) -> None:
    known = {gene.name for gene in found}
    for name in names or ([] if found else elsewhere):
        if name not in known and name in elsewhere:
            raise NgdError(
                f"{path}: {name} lies on {elsewhere[name]}, which is no contig of this database. "
                "Give --aliases FILE, or a file with the database's names"
            )
    missing = [name for name in names if name not in known]
    if missing or not found:
        said = ", ".join(missing[:10]) if missing else "one"
        raise NgdError(f"{path}: no gene is called {said}. Check the names, or give another file")


def _lines(path: Path) -> Iterator[_Line]:
    name = bare_name(path)
    if name.endswith((".gff3", ".gff")):
        yield from _gff3(path)
    elif name.endswith(".bed"):
        yield from _bed(path)
    else:
        raise NgdError(f"{path}: expected .gff3, .gff or .bed (plain or .gz). Rename or convert it")


def _gff3(path: Path) -> Iterator[_Line]:
    for number, line in numbered_lines(path):
        if line.startswith("##FASTA"):
            return
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t", 8)
        if len(fields) < 9:
            raise _malformed(path, number, "nine columns of GFF3")
        if not fields[2].endswith("gene"):
            continue
        start, end = _numbers(path, number, fields[3], fields[4])
        attributes = dict(each.partition("=")[::2] for each in fields[8].split(";"))
        names = [unquote(attributes[key]) for key in _NAMES if attributes.get(key)]
        # Ensembl writes gene:ENSG1, NCBI gene-BRCA1, GENCODE ENSG1.7 where people say ENSG1.
        names += [each.removeprefix("gene:").removeprefix("gene-") for each in names]
        names += [each.partition(".")[0] for each in names if each.startswith("ENS")]
        names = names or [f"{fields[0]}:{start}-{end}"]
        yield _Line(number, fields[0], start - 1, end, tuple(dict.fromkeys(names)))


def _bed(path: Path) -> Iterator[_Line]:
    for number, line in numbered_lines(path):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        fields = line.split("\t")
        if len(fields) < 3:
            raise _malformed(path, number, "contig, start and end (0-based half-open)")
        start, end = _numbers(path, number, fields[1], fields[2], first=0)
        name = fields[3] if len(fields) > 3 and fields[3] else f"{fields[0]}:{start + 1}-{end}"
        yield _Line(number, fields[0], start, end, (name,))


def _numbers(path: Path, number: int, start: str, end: str, first: int = 1) -> tuple[int, int]:
    both = all(each.isascii() and each.isdigit() and len(each) <= 10 for each in (start, end))
    if not both or int(end) >= 1 << 31 or not first <= int(start) < int(end) + first:
        raise _malformed(path, number, "a start and an end, which is not before it")
    return int(start), int(end)


def _malformed(path: Path, number: int, expected: str) -> NgdError:
    return NgdError(f"{path}:{number}: expected {expected}, separated by tabs. Correct the line")
