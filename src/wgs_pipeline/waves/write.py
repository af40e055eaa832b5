"""Writing a wave: a folder with sheets and configuration, there as a whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import make_folder, write_text
from wgs_pipeline.planning.tables import as_tsv
from wgs_pipeline.project import Project
from wgs_pipeline.sheets import Sample, Unit
from wgs_pipeline.tables import load_schema
from wgs_pipeline.waves.history import wave_folders


@contextmanager
def sole_writer(waves: Path) -> Iterator[None]:
    """Keep two from writing the same wave: of two at once, both would take the same samples.

    Raises:
        WgsError: Another one is writing.
    """
    make_folder(waves)
    with (waves / ".lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WgsError(
                f"{waves}: another wgs batch is writing here; expected none. Run it again"
            ) from error
        yield


def write_wave(project: Project, samples: Sequence[str], waves: Path) -> Path:
    """Write the next wave of a queue.

    The consent register is not copied: what a patient decides while a wave waits or runs holds.

    Args:
        project: The queue.
        samples: Who is in the wave.
        waves: Folder of all waves.

    Returns:
        The folder of the wave.
    """
    earlier = wave_folders(waves)
    folder = waves / f"{int(earlier[-1].name) + 1 if earlier else 1:04d}"
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=waves))
    try:
        rows = (_sample_row(project.samples[name], set(samples)) for name in samples)
        write_text(part / "samples.tsv", as_tsv(_columns("samples"), rows))
        units = (_unit_row(unit) for name in samples for unit in project.units[name])
        write_text(part / "units.tsv", as_tsv(_columns("units"), units))
        write_text(part / "config.yaml", _config(project, samples))
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder


def _config(project: Project, samples: Iterable[str]) -> str:
    values = dict(project.config.values)
    truth = {name: values["truth"][name] for name in samples if name in values["truth"]}
    values |= {"samples": "samples.tsv", "units": "units.tsv", "results": "results", "truth": truth}
    return yaml.safe_dump(_plain(values), sort_keys=False, allow_unicode=True)


def _plain(value: object) -> object:
    """Mappings as plain dictionaries, which YAML can write."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _columns(sheet: str) -> list[str]:
    return list(load_schema(sheet)["properties"])


def _sample_row(sample: Sample, wave: Collection[str]) -> dict[str, str]:
    """A row of the sheet; a parent who is not in the wave, for lack of consent, is not named."""
    row = {name: _cell(getattr(sample, name)) for name in _columns("samples")}
    absent = {name: "" for name in ("father_id", "mother_id") if row[name] not in wave}
    return row | absent


def _unit_row(unit: Unit) -> dict[str, str]:
    return {name: _cell(getattr(unit, name)) for name in _columns("units")}


def _cell(value: object) -> str:
    return "" if value is None else str(value)
