"""What earlier waves did with each sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from wgs_pipeline.config import load_config
from wgs_pipeline.errors import ConfigError, ProblemsError, WgsError
from wgs_pipeline.report.results import Results
from wgs_pipeline.sheets import Unit, read_units

#: What became of a sample: it has its place in the database, or a verdict that keeps it out of it;
#: or the wave has not come to its end.
LOADED, JUDGED, OPEN = "loaded", "judged", "open"


@dataclass(frozen=True)
class Past:
    """What the last wave of a sample did.

    Attributes:
        wave: Name of the wave.
        state: ``loaded``, ``judged`` (a verdict that keeps it out) or ``open``.
        verdict: The verdict, or "".
        next_action: What is to be done where it was kept out.
        inputs: What it was made from.
    """

    wave: str
    state: str
    verdict: str
    next_action: str
    inputs: frozenset[Unit]


def wave_folders(waves: Path) -> list[Path]:
    """The waves of a folder, oldest first: its subfolders whose name is a number."""
    try:
        found = [path for path in waves.iterdir() if path.name.isdecimal() and path.is_dir()]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda path: int(path.name))


def read_history(waves: Path) -> dict[str, Past]:
    """What became of every sample that was in a wave, by its last one.

    Raises:
        WgsError: A wave's configuration or sheet cannot be read: its samples could run twice.
    """
    history: dict[str, Past] = {}
    for folder in wave_folders(waves):
        try:
            config = load_config(folder / "config.yaml")
            units = read_units(config.units)
        except (ConfigError, ProblemsError) as error:
            raise WgsError(
                f"{folder}: no wave that can be read; expected what wgs batch wrote. Mend it, or "
                f"move it away if nothing of it ran.\n{error}"
            ) from error
        results = Results(config.results)
        for sample, inputs in inputs_by_sample(units).items():
            history[sample] = _past(folder.name, results, sample, inputs)
    return history


def inputs_by_sample(units: tuple[Unit, ...]) -> dict[str, frozenset[Unit]]:
    """The units of each sample, whatever their lines."""
    grouped: dict[str, set[Unit]] = {}
    for unit in units:
        grouped.setdefault(unit.sample_id, set()).add(replace(unit, line=0))
    return {sample: frozenset(found) for sample, found in grouped.items()}


def _past(wave: str, results: Results, sample: str, inputs: frozenset[Unit]) -> Past:
    verdict = results.read_json(f"qc/{sample}/verdict.json") or {}
    receipt = results.read_json(f"ngd/{sample}.loaded.json")
    state = OPEN
    if receipt is not None:
        state = LOADED if receipt.get("loaded") is True else JUDGED
    return Past(
        wave, state, str(verdict.get("verdict", "")), str(verdict.get("next_action", "")), inputs
    )
