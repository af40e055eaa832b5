"""The table of coefficients: what each rule needs, as a sum over the sizes of its input.

    quantity = base
             + reference x Mb of reference
             + input     x MB of reads (as compressed FASTQ)
             + samples   x number of samples
             + threads   x threads that have a buffer to fill

Quantities are ``mem_mb`` (memory), ``wall_s`` (seconds), ``disk_mb`` (scratch on the node), and of
the rule ``genome``, which is all of a sample: ``kept_mb`` and ``temporary_mb`` below ``results``.
Time spent on reference and reads is spread over the threads, and a job of one piece of the genome
has its share of it. A thread fills its buffer once it has 64 MB of reads, so that a small input
does not ask for what only a large one can use.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.errors import ConfigError
from wgs_pipeline.files import replacing
from wgs_pipeline.resources.inputs import Inputs

MEMORY, WALL, SCRATCH, KEPT, TEMPORARY = "mem_mb", "wall_s", "disk_mb", "kept_mb", "temporary_mb"
QUANTITIES = (MEMORY, WALL, SCRATCH, KEPT, TEMPORARY)
#: The rule that stands for all that is done for one sample.
GENOME = "genome"
#: MB of FASTQ that fill the buffer of one thread.
BUFFER_FASTQ_MB = 64.0
TERMS = ("base", "reference", "input", "samples", "threads")
_COLUMNS = ("rule", "quantity", *TERMS, "jobs", "source")
SHIPPED = Path(__file__).with_name("table.tsv")


@dataclass(frozen=True)
class Coefficients:
    """One line of the table.

    Attributes:
        base: What every job needs.
        reference: For each million bases of the reference.
        input: For each MB of compressed FASTQ.
        samples: For each sample.
        threads: For each thread with a full buffer.
        jobs: Number of jobs that the line was fitted to; 0 where none were.
        source: Where the figures are from.
    """

    base: float
    reference: float = 0.0
    input: float = 0.0
    samples: float = 0.0
    threads: float = 0.0
    jobs: int = 0
    source: str = ""

    def value(self, quantity: str, inputs: Inputs) -> float:
        """The quantity that a job with these inputs needs."""
        terms = zip(TERMS, features(quantity, inputs), strict=True)
        return sum(float(getattr(self, name)) * size for name, size in terms)


def features(quantity: str, inputs: Inputs) -> tuple[float, float, float, float, float]:
    """What the coefficients are multiplied with, in the order of ``TERMS``."""
    part = inputs.share / inputs.threads if quantity == WALL else 1.0
    buffers = min(inputs.threads, inputs.input_mb / BUFFER_FASTQ_MB) if quantity != WALL else 0.0
    return 1.0, inputs.reference_mb * part, inputs.input_mb * part, float(inputs.samples), buffers


Table = Mapping[tuple[str, str], Coefficients]


def read_table(path: Path = SHIPPED) -> dict[tuple[str, str], Coefficients]:
    """The coefficients by rule and quantity.

    Raises:
        ConfigError: The file is missing, or a line is not as this module says.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "no UTF-8"
        raise ConfigError(
            f"{path}: cannot be read ({why}); expected a table of resources. Correct the path."
        ) from error
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    rows = csv.reader((line for _, line in lines), delimiter="\t", quoting=csv.QUOTE_NONE)
    if tuple(next(rows, ())) != _COLUMNS:
        raise ConfigError(
            f"{path}: no header; expected the columns {' '.join(_COLUMNS)}. Make it with "
            "wgs resources fit."
        )
    table: dict[tuple[str, str], Coefficients] = {}
    for (number, _), row in zip(lines[1:], rows, strict=True):
        key, coefficients = _parse(f"{path}:{number}", row)
        if key in table:
            raise ConfigError(f"{path}:{number}: {' '.join(key)} again; expected each once.")
        table[key] = coefficients
    return table


def write_table(path: Path, table: Table, notes: Iterable[str] = ()) -> None:
    """Write a table, all or nothing; notes stand above it as comments."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {note}\n" for note in notes)
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
        writer.writerow(_COLUMNS)
        for (rule, quantity), line in sorted(table.items()):
            terms = [f"{getattr(line, name):.6g}" for name in TERMS]
            writer.writerow([rule, quantity, *terms, line.jobs, line.source])


def _parse(where: str, row: list[str]) -> tuple[tuple[str, str], Coefficients]:
    if len(row) != len(_COLUMNS):
        raise ConfigError(f"{where}: {len(row)} cells; expected {len(_COLUMNS)}. Correct the tabs.")
    rule, quantity, *cells, jobs, source = row
    if quantity not in QUANTITIES:
        raise ConfigError(
            f"{where}: quantity is {quantity!r}; expected one of {', '.join(QUANTITIES)}."
        )
    try:
        base, reference, size, samples, threads = map(_amount, cells)
        return (rule, quantity), Coefficients(
            base, reference, size, samples, threads, int(jobs), source
        )
    except ValueError as error:
        raise ConfigError(f"{where}: {error}; expected numbers of 0 or more.") from error


def _amount(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{cell} is below 0 or no number")
    return value
