"""Latencies of the public interface: warm in one process, cold in a fresh one, and the shell."""

from __future__ import annotations

import compileall
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.ngd.measure import cpu_seconds, make_cold, quantiles_ms
from benchmarks.ngd.project import Place, patient_id, record_research
from benchmarks.ngd.questions import GENE_BP, Asked, Question
from numpy.typing import NDArray

from wgs_pipeline import ngd
from wgs_pipeline.ngd.publishing import publish
from wgs_pipeline.vault import Vault

#: Times that each question is asked of a fresh process with nothing in the page cache.
COLD_TIMES = 5
#: Ceiling of `wgs ngd variant` from the shell, in ms.
SHELL_MARK_MS = 500


def warm(
    place: Place, questions: list[Question], purpose: str, state: str, mark_ms: float | None = None
) -> list[dict[str, Any]]:
    """Ask every question at all its places in one open database, after one of each unmeasured.

    Args:
        place: The database.
        questions: What to ask; those about persons are left out but for care.
        purpose: Why.
        state: What the rows say of the consents.
        mark_ms: Ceiling in place of the questions' own.
    """
    results = []
    project = None if purpose == "care" else place.project
    with ngd.open(place.root, purpose, project) as database:
        for question in questions:
            if question.asks_for_persons and purpose != "care":
                continue
            method = getattr(database, question.method)
            seconds, cpu, rows = [], [], 0
            for arguments, named in (question.asked[0], *question.asked):
                started, used = time.perf_counter(), time.process_time()
                rows += method(*arguments, **named).num_rows
                seconds.append(time.perf_counter() - started)
                cpu.append(time.process_time() - used)
            row = _row(question, purpose, state, "warm", seconds[1:], mark_ms)
            row |= {"first_ms": seconds[0] * 1e3, "mean_rows": rows / len(seconds)}
            row |= {f"cpu_{key}": value for key, value in quantiles_ms(cpu[1:]).items()}
            results.append(row)
    return results


def publish_release(place: Place) -> None:
    """Publish what research is answered from, unless an earlier run has."""
    root = place.open()
    with Vault(root.vault) as vault:
        if not vault.releases():
            publish(root, vault)


def masked(
    place: Place, questions: list[Question], refusing: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Research answers after fresh refusals that no compaction has seen; taken back afterwards."""
    record_research(place, refusing, "refused")
    try:
        return warm(place, questions, "research", "5 % fresh refusals", mark_ms=30)
    finally:
        record_research(place, refusing, "given")


def cold(place: Place, questions: list[Question]) -> list[dict[str, Any]]:
    """Ask care's questions, each in a fresh process with nothing in the page cache."""
    results = []
    for question in questions:
        said = []
        for arguments, named in list(question.asked)[:COLD_TIMES]:
            make_cold(*place.parts(question.method == "genome"))
            said.append(_fresh(place.root, question.method, arguments, named))
        for state in ("open", "query"):
            seconds = [each[state] for each in said]
            row = _row(question, "care", "", f"cold, {state}", seconds, None)
            results.append(row | {"mark_ms": None})
    return results


def shell(place: Place, variants: list[str]) -> list[dict[str, Any]]:
    """`wgs ngd variant` from the shell, warm and cold: start, answer and end of the process.

    The package is compiled first, as an installed one is.
    """
    compileall.compile_dir(Path(ngd.__file__).parents[1], quiet=2)
    wgs = str(Path(sys.executable).with_name("wgs"))
    results = []
    for state in ("warm", "cold"):
        seconds, cpu = [], []
        for name in variants[: 2 * COLD_TIMES]:
            if state == "cold":
                make_cold(*place.parts(shards=False))
            command = [wgs, "ngd", "variant", str(place.root), name, "--purpose", "care"]
            started, used = time.perf_counter(), cpu_seconds()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            seconds.append(time.perf_counter() - started)
            cpu.append(cpu_seconds() - used)
        question = Question("variant", "variant", [], SHELL_MARK_MS if state == "warm" else None)
        row = _row(question, "care", "from the shell", state, seconds, None)
        results.append(row | {f"cpu_{key}": value for key, value in quantiles_ms(cpu).items()})
    return results


def whole_genome(place: Place, genomes: int, times: int) -> list[dict[str, Any]]:
    """One person's calls, all of them and of a gene, in a database of whole genomes."""
    rng = np.random.default_rng(1)
    with ngd.open(place.root, "care") as database:
        contigs = list(database.contigs.items())
    drawn = [contigs[each] for each in rng.integers(0, len(contigs), times).tolist()]
    genes = []
    for contig, length in drawn:
        start = int(rng.integers(0, length - GENE_BP))
        genes.append(f"{contig}:{start + 1}-{start + GENE_BP}")
    who = [patient_id(each % genomes) for each in range(times)]
    of_one = [([each], {"region": gene}) for each, gene in zip(who, genes, strict=True)]
    everything: list[Asked] = [([each], {}) for each in who[:10]]
    asked = [
        Question("one person's gene, of a whole genome", "genome", of_one, 10),
        Question("one person, all calls of a whole genome", "genome", everything, 500),
    ]
    return warm(place, asked, "care", "everyone") + cold(place, asked)


def _fresh(
    root: Path, method: str, arguments: list[Any], named: dict[str, Any]
) -> dict[str, float]:
    """Seconds to open the database and to answer, in a process of its own."""
    asked = json.dumps([str(root), method, arguments, named])
    command = [sys.executable, "-m", "benchmarks.ngd.queries"]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    said: dict[str, float] = json.loads(done.stdout)
    return said


def _row(
    question: Question,
    purpose: str,
    state: str,
    cache: str,
    seconds: list[float],
    mark_ms: float | None,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "question": question.name,
        "purpose": purpose,
        "state": state,
        "cache": cache,
        "mark_ms": mark_ms or question.mark_ms,
    }
    return row | quantiles_ms(seconds)


def main() -> None:
    """Answer one question, read as JSON from standard input; times as JSON.

    The libraries are imported before: what is measured is a cold database, not a cold Python.
    """
    importlib.import_module("wgs_pipeline.ngd.database")
    root, method, arguments, named = json.load(sys.stdin)
    started = time.perf_counter()
    with ngd.open(root, "care") as database:
        opened = time.perf_counter()
        getattr(database, method)(*arguments, **named)
        ended = time.perf_counter()
    print(json.dumps({"open": opened - started, "query": ended - opened}))


if __name__ == "__main__":
    main()
