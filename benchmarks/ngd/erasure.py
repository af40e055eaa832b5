"""Physical erasure of one person and of ten in one rewrite, and what it would cost for a genome."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from copy import copy
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.ngd.measure import GENOME_MB, Meter, files_below
from benchmarks.ngd.project import Place

from wgs_pipeline.ngd import build, proof
from wgs_pipeline.ngd import erase as erasing
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault

#: What is done for each bin, or each contig; all else of an erasure is done once.
_PER_BIN = {
    "rewrite": (build._Builder, "build"),
    "proof of bins": (proof, "_prove_bins"),
    "proof of counts": (proof, "_prove_counts"),
}
#: Most persons of a database that is compared with a rebuild.
_REBUILT = 10_000
#: How often what is done for each bin is done, to be measured.
_TIMES = 7
_SCAN = {"scan": (erasing, "scan_files")}


def measure(place: Place, length: int) -> list[dict[str, Any]]:
    """Erase one person, ten, and one more, each time in a process of its own.

    Proof and scan are those of a database whose shards are too large to be read again; only the
    last one is compared with a rebuild from all shards, as a small database is. Of a large one it
    is left out.
    """
    results = []
    for count, thorough in ((1, False), (10, False), (1, True)):
        with Vault(place.vault) as vault:
            held = sorted({each.patient_id for each in vault.genomes()})
        if thorough and len(held) > _REBUILT:
            continue
        middle = len(held) // 2
        asked = json.dumps([str(place.root), held[middle : middle + count], thorough])
        command = [sys.executable, "-m", "benchmarks.ngd.erasure"]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        row: dict[str, Any] = json.loads(done.stdout)
        results.append({"erased": count, "thorough": thorough, **row, **_of_a_genome(row, length)})
    return results


def _of_a_genome(row: dict[str, Any], length: int) -> dict[str, Any]:
    """Seconds that grow with the bins, those that do not, and minutes for a whole genome.

    Without a rebuild a scan reads a footer per file; its share of index and counts grows.
    """
    steps = row["steps_cpu_s"]
    growing = sum(steps[name] for name in _PER_BIN)
    growing += steps["scan"] * row["index_files"] / row["files"]
    fixed = row["cpu_s"] - growing
    minutes = (fixed + growing * GENOME_MB * 1e6 / length) / 60
    return {"fixed_cpu_s": fixed, "growing_cpu_s": growing, "whole_genome_core_min": minutes}


def main() -> None:
    """Erase the persons named in JSON on standard input; seconds by step as JSON."""
    path, persons, thorough = json.load(sys.stdin)
    meter = Meter()
    for steps, timed in ((_PER_BIN, _repeated), (_SCAN, _timed)):
        for name, (owner, function) in steps.items():
            meter.add(name, 0.0, 0.0)
            setattr(owner, function, timed(getattr(owner, function), name, meter))
    if not thorough:
        erasing._SMALL = 0  # as in a database too large to be read again
    root = Root.open(Path(path))
    wall, cpu = time.perf_counter(), time.process_time()
    with Vault(root.vault) as vault:
        erasing.erase(root, vault, persons, lambda certificate: None)
    again = Meter()
    again.add("all", meter.wall.pop("again"), meter.cpu.pop("again"))
    print(
        json.dumps(
            {
                "wall_s": time.perf_counter() - wall - again.wall["all"],
                "cpu_s": time.process_time() - cpu - again.cpu["all"],
                "steps_cpu_s": meter.cpu,
                "files": files_below(root.path),
                "index_files": sum(files_below(root.path / each) for each in ("index", "counts")),
            }
        )
    )


def _repeated(function: Callable[..., Any], name: str, meter: Meter) -> Callable[..., Any]:
    """Do a step several times over, and note the median; all but one are under ``again``, too.

    What a process does first costs more: the system has to give it memory. A genome has thousands
    of bins, and here there is one or two.
    """

    @wraps(function)
    def repeated(*arguments: Any) -> Any:
        spent = Meter()
        for number in range(_TIMES):
            with spent.step(str(number)):
                last = number == _TIMES - 1
                result = function(*(arguments if last else map(_apart, arguments)))
        for unit, seconds in (("wall", spent.wall), ("cpu", spent.cpu)):
            noted = getattr(meter, unit)
            typical = median(seconds.values())
            noted[name] += typical
            noted["again"] = noted.get("again", 0.0) + sum(seconds.values()) - typical
        return result

    return repeated


def _apart(value: Any) -> Any:
    """A copy whose lists and dictionaries are its own."""
    made = copy(value)
    for name, each in getattr(value, "__dict__", {}).items():
        if isinstance(each, list | dict):
            made.__dict__[name] = copy(each)
    return made


def _timed(function: Callable[..., Any], name: str, meter: Meter) -> Callable[..., Any]:
    @wraps(function)
    def timed(*arguments: Any, **named: Any) -> Any:
        with meter.step(name):
            return function(*arguments, **named)

    return timed


if __name__ == "__main__":
    main()
