"""Three example questions to the database after a run, with the commands that ask them."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import WgsError
from wgs_pipeline.project import Project
from wgs_pipeline.report.results import Results

PURPOSE = "care"
#: Bases on each side of the variant that the first question covers.
_FLANK = 500
_MOST_ROWS = 8
_CALLED = 'FILTER="PASS" && N_ALT=1 && ALT!="*"'


@dataclass(frozen=True)
class Answer:
    """A question, the command that asks it again, and what the database said.

    Attributes:
        question: In words.
        command: As it is typed.
        rows: Header and rows of the answer; empty where it was refused.
        remark: What the answer states of itself, or why there is none.
    """

    question: str
    command: str
    rows: tuple[tuple[str, ...], ...]
    remark: str


def choose_variant(
    project: Project, results: Results, loaded: Sequence[str]
) -> tuple[str, str] | None:
    """A variant worth asking for: (name, what it is); None where no callset has any.

    The first heterozygous variant of a child that neither parent carries, where child and parents
    are loaded; else the first variant of a loaded sample.
    """
    for child, father, mother in _trios(project, loaded):
        condition = f'{_CALLED} && GT[0]="het" && GT[1]="RR" && GT[2]="RR" && MIN(FORMAT/DP)>=10'
        trio = (child, father, mother)
        name = _first_variant(_callset(project, results, child), trio, condition)
        if name:
            return name, f"found in {child} and in neither parent"
    for sample in loaded:
        name = _first_variant(
            _callset(project, results, sample), (sample,), f'{_CALLED} && GT[0]="alt"'
        )
        if name:
            return name, f"the first of {sample}"
    return None


def ask(root: Path, variant: str, what: str) -> list[Answer]:
    """Ask for the region of a variant, the variant, and who carries it.

    Every question is one line in the database's access log.
    """
    contig, position, *_ = variant.rsplit("-", 3)
    start = max(1, int(position) - _FLANK)
    region = f"{contig}:{start}-{int(position) + _FLANK}"
    asked = (
        ("region", region, f"What lies within {_FLANK} bp of {variant} ({what})?"),
        ("variant", variant, "How frequent is it?"),
        ("carriers", variant, "Who carries it?"),
    )
    return [_answer(root, *each) for each in asked]


def _trios(project: Project, loaded: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for name in loaded:
        sample = project.samples[name]
        parents = (sample.father_id, sample.mother_id)
        if parents[0] in loaded and parents[1] in loaded and parents[0] and parents[1]:
            together = project.families[sample.family_id]
            if parents[0] in together and parents[1] in together:
                yield name, parents[0], parents[1]


def _callset(project: Project, results: Results, sample: str) -> Path | None:
    path = f"callset/{project.samples[sample].family_id}.vcf.gz"
    return results.folder / path if results.has(path) else None


def _first_variant(vcf: Path | None, samples: Sequence[str], condition: str) -> str | None:
    """The first record that fulfils a condition, as contig-position-REF-ALT.

    bcftools reads no further than that record; a callset that it cannot read has none.
    """
    if vcf is None:
        return None
    view = ["bcftools", "view", "--no-version", "-s", ",".join(samples), "-Ou", str(vcf)]
    query = ["bcftools", "query", "-i", condition, "-f", "%CHROM-%POS-%REF-%ALT\n", "-"]
    try:
        with (
            subprocess.Popen(view, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as first,
            subprocess.Popen(
                query,
                stdin=first.stdout,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
            ) as second,
        ):
            assert first.stdout is not None
            assert second.stdout is not None
            first.stdout.close()
            line = second.stdout.readline()
            second.kill()
            first.kill()
    except OSError:
        return None
    return line.strip() or None


def _answer(root: Path, action: str, target: str, question: str) -> Answer:
    from wgs_pipeline import ngd

    shown = shlex.join(["wgs", "ngd", action, str(shortest(root)), target])
    command = f"{shown} --purpose {PURPOSE}"
    try:
        with ngd.open(root, purpose=PURPOSE) as database:
            table = getattr(database, action)(target)
    except WgsError as error:
        return Answer(question, command, (), f"not answered: {error}")
    stated = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    rows: list[Mapping[str, Any]] = table.slice(0, _MOST_ROWS).to_pylist()
    more = table.num_rows - len(rows)
    remark = f"generation {stated['generation']}, {stated['eligible']} genomes may be counted"
    remark += f"; {more} more rows" if more else ""
    cells = [tuple(_cell(value) for value in row.values()) for row in rows]
    return Answer(question, command, (tuple(table.column_names), *cells), remark)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def shortest(path: Path) -> Path:
    """``path`` as it is typed from here: relative where it lies below, else absolute."""
    try:
        return path.absolute().relative_to(Path.cwd())
    except ValueError:
        return path.absolute()
