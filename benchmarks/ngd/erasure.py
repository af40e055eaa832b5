"""Physical erasure of one person and of ten in one rewrite, and what it would cost for a genome."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ngd.measure import GENOME_MB, Meter
from benchmarks.ngd.project import Place, patient_id


def measure(place: Place, persons: int, length: int) -> list[dict[str, Any]]:
    """Erase persons with `wgs ngd erase`; empty where the database has no such command yet."""
    wgs = str(Path(sys.executable).with_name("wgs"))
    help_ = subprocess.run([wgs, "ngd", "--help"], capture_output=True, text=True, check=True)
    if "erase" not in help_.stdout:
        return []
    start = Meter()
    with start.step("start"):
        subprocess.run([wgs, "ngd", "info", str(place.root)], capture_output=True, check=True)
    results = []
    for count in (1, 10):
        first = persons // 2 + 20 * count
        chosen = [patient_id(each) for each in range(first, first + count)]
        meter = Meter()
        with meter.step("erase"):
            said = _erase(wgs, place, chosen)
        fixed = start.cpu["start"]
        bins = GENOME_MB * 1e6 / length
        whole = fixed + (meter.cpu["erase"] - fixed) * bins
        results.append(
            {
                "erased": count,
                "cpu_s": meter.cpu["erase"],
                "wall_s": meter.wall["erase"],
                "fixed_cpu_s": fixed,
                "whole_genome_core_min": whole / 60,
                "certificate": said,
            }
        )
    return results


def _erase(wgs: str, place: Place, chosen: Sequence[str]) -> Any:
    command = [wgs, "ngd", "erase", str(place.root)]
    for each in chosen:
        command += ["--patient-id", each]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return done.stdout
