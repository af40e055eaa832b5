"""The end of a run as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from wgs_pipeline.project import Project
from wgs_pipeline.report import wording
from wgs_pipeline.report.questions import Answer, ask, choose_variant, shortest
from wgs_pipeline.report.results import Results

_KINDS = {"snv": "SNV", "indel": "indel"}


def summary_text(project: Project, document: Mapping[str, Any]) -> str:
    """Samples, accuracy, three questions to the database, and where the reports are.

    Args:
        project: The project.
        document: What ``collect`` says of it.
    """
    sections = [
        _samples(document),
        _truth(document["samples"]),
        _questions(project, document),
        _reports(project),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def _samples(document: Mapping[str, Any]) -> Iterator[str]:
    rows = [["SAMPLE", "VERDICT", "COVERAGE", ""]]
    for sample in document["samples"]:
        verdict = sample["verdict"]["verdict"] if sample["verdict"] else wording.NOTHING
        verdict = "left out" if sample["left_out"] else verdict
        outcome = wording.outcome(sample, document["stages"])
        rows.append([sample["sample"], verdict, wording.coverage(sample), outcome])
    yield from columns(rows)


def _truth(samples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    known = [sample for sample in samples if sample["truth"]]
    if not known:
        return
    header = ["AGAINST TRUTH"]
    for kind in _KINDS.values():
        header += [f"{kind} recall", "precision", "missed", "false"]
    rows = [header]
    for sample in known:
        row = [sample["sample"]]
        for kind in _KINDS:
            found = sample["truth"][kind]
            row += [wording.share(found[name]) for name in ("recall", "precision")]
            row += [f"{found['fn']} of {found['tp'] + found['fn']}", str(found["fp"])]
        rows.append(row)
    yield from columns(rows)


def _questions(project: Project, document: Mapping[str, Any]) -> Iterator[str]:
    loaded = [
        sample["sample"]
        for sample in document["samples"]
        if sample["database"] and sample["database"]["loaded"]
    ]
    results = Results(project.config.results)
    chosen = choose_variant(project, results, loaded) if loaded else None
    yield "QUESTIONS TO THE DATABASE"
    if chosen is None:
        yield "  none: " + ("no callset has a variant" if loaded else "no genome is loaded")
        return
    for answer in ask(project.config.ngd.root, *chosen):
        yield from _told(answer)


def _told(answer: Answer) -> Iterator[str]:
    yield f"  {answer.question}"
    yield f"  $ {answer.command}"
    yield from (f"    {line}" for line in columns(answer.rows))
    yield f"    ({answer.remark})"


def _reports(project: Project) -> Iterator[str]:
    results = project.config.results
    rows = [["REPORTS", ""]]
    for title, path in (("run", "report/run.html"), ("MultiQC", "qc/multiqc.html")):
        there = (results / path).exists()
        rows.append([title, str(shortest(results / path)) if there else "not made"])
    yield from columns(rows)


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows with their cells below one another, two blanks apart."""
    cells = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
