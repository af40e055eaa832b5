"""Looking a finished export over before anyone sees it: nothing in it may name a person.

Cells are made of numbers; what could carry a name is looked at: names of files, headers and
metadata, and every text column, whose values must be of the few kinds that belong there.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError
from wgs_pipeline.identifiers import has_cpr_shape

#: What each text column of a Parquet file may hold; ``sample`` and ``person`` are looked up.
_ALLOWED = {
    "ref": re.compile(r"[A-Za-z*]+"),
    "alt": re.compile(r"[A-Za-z*]+"),
    "gt": re.compile(r"[0-9.]+([/|][0-9.]+)*"),
    "kind": re.compile(r"het|hom|hemi"),
    "karyotype": re.compile(r"[XY0]+|unknown"),
}
_HEX = re.compile(r"\b[0-9a-f]{40,64}\b")
_TOKEN = re.compile(r"[A-Za-z0-9._-]+")


def refuse_identifiers(
    folder: Path, names: Collection[str], identifiers: Collection[str], own: Collection[str]
) -> None:
    """Refuse an export in which something may identify a person.

    Args:
        folder: The finished export.
        names: Names of genomes and persons that may stand in it.
        identifiers: What may not: patient_ids and sample_ids of everyone in the vault.
        own: Words that stand in every such export, and so say nothing if someone is called so.

    Raises:
        NgdError: Names the file and what kind of text it is; never the text.
    """
    harmless = {each.lower() for each in (*own, *names)}
    forbidden = frozenset(each.lower() for each in identifiers) - harmless
    for path in sorted(folder.rglob("*")):
        where = path.relative_to(folder)
        within_zarr = where.parts[0].endswith(".vcz")  # made of the VCF, its chunks are numbered
        identifying = frozenset[str]() if within_zarr else forbidden
        _refuse(str(where), "its name", str(where), identifying)
        if path.is_dir():
            continue
        for what, text in _texts(path):
            _refuse(str(where), what, text, identifying)
        if path.suffix == ".parquet":
            _refuse_values(path, str(where), set(names))
    for path in folder.glob("*.vcz"):
        if not set(_zarr_samples(path)) <= set(names):
            raise NgdError(f"{path.name}: has other samples than the export; expected the same")


def words(value: object) -> Iterator[str]:
    """Every text of a JSON value, keys too; numbers name no one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (str(key) for key in value)
        for each in value.values():
            yield from words(each)
    elif isinstance(value, list):
        for each in value:
            yield from words(each)


def tokens(text: str) -> set[str]:
    """What could be an identifier in a text."""
    return set(_TOKEN.findall(text))


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Headers and metadata of a file, as text."""
    if path.name.endswith(".vcf.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                if not line.startswith("#"):
                    return
                yield "its header", line
    elif path.suffix == ".bcf":
        from pysam import VariantFile

        with VariantFile(str(path)) as variants:
            yield "its header", str(variants.header)
    elif path.suffix == ".parquet":
        with pq.ParquetFile(path) as parquet:
            yield "its metadata", repr(parquet.schema_arrow.metadata)
            yield "its columns", " ".join(parquet.schema_arrow.names)
    elif path.suffix == ".json" or path.name in (".zattrs", ".zmetadata"):
        yield "its text", "\n".join(words(json.loads(path.read_text(encoding="utf-8"))))
    elif path.suffix == ".tsv":
        yield "its text", path.read_text(encoding="utf-8")


def _refuse(where: str, what: str, text: str, forbidden: frozenset[str]) -> None:
    said = _HEX.sub(" ", text)
    if has_cpr_shape(said):
        raise NgdError(
            f"{where}: {what} has the shape of a CPR number, so nothing is exported. Look for it "
            "in the project file"
        )
    if forbidden and not forbidden.isdisjoint(each.lower() for each in tokens(said)):
        raise NgdError(
            f"{where}: {what} names a sample or person of the database, so nothing is exported. "
            "Look for it in the project file"
        )


def _refuse_values(path: Path, where: str, names: Collection[str]) -> None:
    """Refuse a text column with a value that does not belong there."""
    with pq.ParquetFile(path) as file:
        fields = [each for each in file.schema_arrow if pa.types.is_string(each.type)]
        for group in range(file.metadata.num_row_groups):
            table = file.read_row_group(group, columns=[each.name for each in fields])
            for each in fields:
                values = pc.unique(table[each.name]).drop_null().to_pylist()
                if not all(_belongs(each.name, value, names) for value in values):
                    raise NgdError(
                        f"{where}: column {each.name} holds a value that is none of its kind, so "
                        "nothing is exported. Run 'wgs ngd verify'"
                    )


def _belongs(column: str, value: str, names: Collection[str]) -> bool:
    if column in ("sample", "person"):
        return value in names
    pattern = _ALLOWED.get(column)
    if pattern is not None:
        return pattern.fullmatch(value) is not None
    return not has_cpr_shape(value)


def _zarr_samples(folder: Path) -> list[str]:
    import zarr

    store: Any = zarr.open_group(str(folder), mode="r")
    return [str(each) for each in store["sample_id"][:]]
