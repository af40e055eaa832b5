"""Tables that say which variants an rsID means.

* Parquet with the columns rsid (number), contig, pos, ref, alt; sorted by rsid, a name is found in
  milliseconds among a billion;
* VCF, plain, gzip or bgzip, such as dbSNP's: read from its start, so for small tables;
* TSV with a header that names rsid, contig, pos, ref and alt: likewise.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.parquet import read_where
from wgs_pipeline.ngd.textlines import bare_name, numbered_lines

_COLUMNS = ["rsid", "contig", "pos", "ref", "alt"]
_VCF_COLUMNS = ["contig", "pos", "rsid", "ref", "alt"]


def look_up(table: Path, number: int) -> list[tuple[str, int, str, str]]:
    """Contig, 1-based position, REF and ALT of each variant that an rsID means.

    Raises:
        NgdError: The table cannot be read, or does not know the rsID.
    """
    if table.suffix == ".parquet":
        rows = _of_parquet(table, number)
    else:
        rows = list(_of_text(table, number))
    found = [
        (row["contig"], int(row["pos"]), row["ref"], alt)
        for row in rows
        for alt in row["alt"].split(",")
        if alt.isalpha() and row["ref"].isalpha() and str(row["pos"]).isdigit()
    ]
    if not found:
        raise NgdError(f"rs{number} is not in {table}. Check the number, or give another table")
    return found


def _of_parquet(table: Path, number: int) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = read_where(
            table, [("rsid", "=", number)], _COLUMNS
        ).to_pylist()
    except FileNotFoundError as error:
        raise NgdError(f"{table}: no such table of rsIDs") from error
    return rows


def _of_text(table: Path, number: int) -> Iterator[dict[str, Any]]:
    wanted = (f"rs{number}", str(number))
    columns = _VCF_COLUMNS if bare_name(table).endswith(".vcf") else None
    for line_number, line in numbered_lines(table):
        if line.startswith("#") or not line:
            continue
        fields = line.split("\t")
        if columns is None:
            columns = fields
            missing = [name for name in _COLUMNS if name not in columns]
            if missing:
                raise NgdError(
                    f"{table}:{line_number}: no column {missing[0]!r}; expected a header with "
                    f"{', '.join(_COLUMNS)}. Give --rsids another table"
                )
            continue
        if len(fields) < len(columns):
            raise NgdError(
                f"{table}:{line_number}: {len(fields)} columns; expected {len(columns)}, separated "
                "by tabs. Correct the line"
            )
        row = dict(zip(columns, fields, strict=False))
        if any(each in wanted for each in row["rsid"].split(";")):  # dbSNP lists some: rs1;rs2
            yield row
