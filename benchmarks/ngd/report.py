"""Readable tables of what was measured: `python -m benchmarks.ngd.report FILE` makes Markdown."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.ngd.measure import GENOME_MB, WINDOWS

Row = dict[str, Any]


def markdown(rows: Sequence[Row]) -> str:
    """All tables of a run."""
    parts = [
        ("Cohorts", _cohorts(rows)),
        ("Loading", _loading(rows)),
        ("Compaction", _compactions(rows)),
        ("Sizes", _sizes(rows)),
        ("Genome shards of whole genomes", _whole(rows)),
        ("Queries", _queries(rows)),
        ("Erasure", _erasures(rows)),
        ("Beside others", _peers(rows)),
    ]
    return "\n\n".join(f"### {title}\n\n{table}" for title, table in parts if table)


def said(row: Row) -> str:
    """One line for the screen while the benchmark runs."""
    skipped = ("compactions", "answers", "bytes", "bytes_per_genome", "peers")
    cells = [f"{key} {_short(value)}" for key, value in row.items() if key not in skipped]
    return ", ".join(cells)


def _cohorts(rows: Sequence[Row]) -> str:
    return _table(
        "persons, region Mb, variant rows/kb, calls/kb/genome, singletons %, AF > 1 % rows/kb, "
        "runs/Mb/genome",
        [
            [
                f"{each['persons']:,}",
                f"{each['region_bp'] / 1e6:g}",
                f"{each['rows_per_kb']:.1f}",
                f"{each['calls_per_kb']:.2f}",
                f"{100 * each['singletons']:.0f}",
                f"{each['common_per_kb']:.1f}",
                f"{each['runs_per_mb']:,.0f} ({each['callable']})",
            ]
            for each in _of(rows, "cohort")
        ],
    )


def _loading(rows: Sequence[Row]) -> str:
    return _table(
        "persons, callable runs, shard, registration, commit, compaction, all, genomes/core-s",
        [
            [
                f"{each['persons']:,}",
                each["callable"],
                *(
                    f"{1e3 * each['cpu_s_per_genome'][name]:.2f}"
                    for name in ("shard", "register", "commit", "compact", "all")
                ),
                f"{each['genomes_per_core_s']:.0f}",
            ]
            for each in _of(rows, "load")
        ],
    )


def _compactions(rows: Sequence[Row]) -> str:
    cells = []
    for each in _of(rows, "load"):
        steps = each["compactions"]
        for loaded, cpu in steps[:: max(len(steps) // 5, 1)]:
            added = min(each["batch"] * each["compact_every"], loaded)
            read = each["read_cpu_s_per_shard"]
            growing = max(cpu / added - read, 0.0) * GENOME_MB * 1e6 / each["region_bp"]
            cells.append(
                [
                    f"{each['persons']:,} ({each['callable']})",
                    f"{loaded:,}",
                    f"{added:,}",
                    f"{cpu:.2f}",
                    f"{1e3 * cpu / added:.2f}",
                    f"{1e3 * read:.2f}",
                    f"{growing + read * WINDOWS:.2f}",
                ]
            )
    title = (
        "persons, loaded, added, core-s of this compaction, ms per genome, of it opening a shard, "
        "core-s per genome of 3 100 Mb"
    )
    return _table(title, cells)


def _sizes(rows: Sequence[Row]) -> str:
    cells = []
    for each in _of(rows, "sizes"):
        of_one, whole = each["bytes_per_genome"], each["whole_genome"]
        names = ("shard variants", "shard callable", "index", "counts", "generations", "vault")
        cells.append(
            [f"{each['persons']:,}", each["callable"]]
            + [f"{of_one[name]:,.0f}" for name in names]
            + [f"{whole[name]:.2f}" for name in ("index_mb", "counts_mb", "index_and_counts_mb")]
        )
    return _table(
        "persons, callable runs, shard variants, shard callable, index, counts, generations, "
        "vault, whole genome: index MB, counts MB, both MB",
        cells,
    )


def _whole(rows: Sequence[Row]) -> str:
    return _table(
        "callable runs, calls, variants MB, callable MB, shard MB, core-s to write",
        [
            [
                f"{each['callable']} ({each['callable_runs_per_mb']:,.0f}/Mb)",
                f"{each['calls_per_genome']:,.0f}",
                f"{each['variants_mb']:.1f}",
                f"{each['callable_mb']:.1f}",
                f"{each['shard_mb']:.1f}",
                f"{each['cpu_s_per_genome']['shard']:.1f}",
            ]
            for each in _of(rows, "whole genome")
        ],
    )


def _queries(rows: Sequence[Row]) -> str:
    questions = _of(rows, "query")
    persons = sorted({each["persons"] for each in questions})
    found: dict[tuple[str, ...], dict[int, Row]] = {}
    for each in questions:
        key = tuple(each[name] for name in ("question", "purpose", "about", "cache"))
        found.setdefault(key, {})[each["persons"]] = each
    cells = []
    for key, by_persons in found.items():
        largest = by_persons[max(by_persons)]
        mark = largest["mark_ms"]
        met = ""
        if mark:
            met = "met" if largest["p95_ms"] <= mark else "missed"
        cells.append([*key, *(_latency(by_persons.get(n)) for n in persons), f"{mark or ''}", met])
    head = ", ".join(f"{n:,}".replace(",", " ") for n in persons)
    return _table(f"question, purpose, state, cache, {head}, mark, p95 at the largest", cells)


def _erasures(rows: Sequence[Row]) -> str:
    cells = []
    for each in _of(rows, "erase"):
        steps = each["steps_cpu_s"]
        whole = "" if each["thorough"] else f"{each['whole_genome_core_min']:.1f}"
        cells.append(
            [
                f"{each['persons']:,}",
                str(each["erased"]) + (" (and rebuild)" if each["thorough"] else ""),
                f"{each['cpu_s']:.2f}",
                f"{each['fixed_cpu_s']:.2f}",
                f"{each['growing_cpu_s']:.2f}",
                *(f"{seconds:.2f}" for seconds in steps.values()),
                whole,
            ]
        )
    return _table(
        "persons, erased, core-s, done once, grows with bins, of it rewrite, proof of bins, "
        "proof of counts, scan, core-min for 3 100 Mb",
        cells,
    )


def _peers(rows: Sequence[Row]) -> str:
    parts = []
    for each in _of(rows, "peers"):
        ours, peers = each["peers"][0], each["peers"]
        questions = list(dict.fromkeys(name for peer in peers for name in peer["answers"]))
        cells = []
        for peer in peers:
            size, rate = peer["bytes_per_call"], peer["calls_per_s"]
            line = [peer["name"], f"{size:.2f}" if size else "", f"{rate:,.0f}" if rate else ""]
            for name in questions:
                mine, theirs = ours["answers"].get(name), peer["answers"].get(name)
                text = "" if theirs is None else f"{theirs['p50_ms']:.1f}"
                if peer is not ours and mine and theirs:
                    text += f" ({theirs['p50_ms'] / mine['p50_ms']:.1f}x)"
                line.append(text)
            cells.append(line)
        head = [name.replace(",", "") for name in questions]
        title = ", ".join(["store", "B per call", "calls/core-s imported", *head])
        equal = "equal" if each["equal"] else "NOT EQUAL"
        parts.append(
            f"{each['persons']:,} persons, {each['length'] / 1e3:g} kb, {each['calls']:,} calls. "
            f"Median ms (times ours). AC and AN of ours and of bcftools at all "
            f"{each['variants']:,} variants: {equal}.\n\n" + _table(title, cells)
        )
    return "\n\n".join(parts)


def _latency(row: Row | None) -> str:
    if row is None:
        return ""
    cpu = f" ({row['cpu_p50_ms']:.1f})" if "cpu_p50_ms" in row else ""
    return f"{row['p50_ms']:.1f}{cpu} / {row['p95_ms']:.1f}"


def _of(rows: Iterable[Row], step: str) -> list[Row]:
    return [row for row in rows if row["step"] == step]


def _table(head: str, cells: Sequence[Sequence[str]]) -> str:
    if not cells:
        return ""
    columns = head.split(", ")
    lines = [columns, ["---"] * len(columns), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return "(" + " ".join(f"{key} {_short(each)}" for key, each in value.items()) + ")"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Print the tables of a file of results."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    print(markdown([json.loads(line) for line in lines]))


if __name__ == "__main__":
    main()
