"""A toy project on disk: made as a whole or not at all, and not made twice."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from wgs_pipeline.errors import ConfigError, OutputError
from wgs_pipeline.files import write_json, write_text
from wgs_pipeline.toy.cohort import Cohort, make_cohort
from wgs_pipeline.toy.documents import config_yaml, readme
from wgs_pipeline.toy.fastq import write_lane
from wgs_pipeline.toy.fragments import (
    draw_fragments,
    lay_template,
    sequenced_coverage,
    spread_over_lanes,
)
from wgs_pipeline.toy.haplotypes import molecules
from wgs_pipeline.toy.people import LANES, PEOPLE
from wgs_pipeline.toy.reference import fasta
from wgs_pipeline.toy.sheets import consents_tsv, fastq_names, samples_tsv, units_tsv
from wgs_pipeline.toy.streams import stream
from wgs_pipeline.toy.truth import bed, write_truth

#: Raised whenever the same seed gives other bytes than before.
VERSION = 3
STAMP = "toy.json"
_SMALLEST_SCALE, _LARGEST_SCALE = 0.1, 20.0
_HIGHEST_COVERAGE = 500.0


@dataclass(frozen=True)
class ToyProject:
    """What ``make_project`` leaves behind.

    Attributes:
        folder: The project directory.
        written: Names of the files written now, relative to ``folder``; empty where the project
            was complete.
    """

    folder: Path
    written: tuple[str, ...]

    @property
    def config(self) -> Path:
        """The configuration of the project."""
        return self.folder / "config.yaml"


@dataclass(frozen=True)
class _Parameters:
    version: int
    seed: int
    coverage: float
    scale: float


def make_project(
    outdir: Path, seed: int = 1, coverage: float = 30.0, scale: float = 1.0
) -> ToyProject:
    """Make ``outdir`` a toy project, or complete it where files of it are missing.

    The files are made in a folder beside ``outdir``, which becomes ``outdir`` once it is
    complete. Of an existing project with the same parameters only missing files are written;
    files that somebody edited stay as they are.

    Args:
        outdir: The project directory.
        seed: 0 or more; decides every byte together with the other two.
        coverage: Autosomal depth that every sample reaches after duplicates are removed.
        scale: Multiplies the lengths of contigs, genes and N runs; 0.2 makes a genome of 68 kb.

    Raises:
        ConfigError: A parameter is out of range.
        OutputError: ``outdir`` holds something else, or cannot be written.
    """
    parameters = _Parameters(VERSION, seed, float(coverage), float(scale))
    _check_parameters(parameters)
    listed = _listed_files(outdir, parameters)
    if listed and all((outdir / name).is_file() for name in listed):
        return ToyProject(outdir, ())
    with _folder_beside(outdir) as made:
        _write_files(made, parameters)
        names = _file_names(made)
        write_json(made / STAMP, asdict(parameters) | {"files": names})
        return ToyProject(outdir, tuple(_move(made, outdir, [STAMP, *names])))


def _move(made: Path, outdir: Path, names: list[str]) -> list[str]:
    """Move what is missing in ``outdir`` there; give the names of what was moved.

    The stamp is the first of ``names``: a project whose completion was interrupted is known as
    one, and the next call completes it.
    """
    if not outdir.exists():
        made.replace(outdir)
        return names
    missing = [name for name in names if not (outdir / name).is_file()]
    for name in missing:
        (outdir / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).replace(outdir / name)
    return missing


def _check_parameters(parameters: _Parameters) -> None:
    if parameters.seed < 0:
        raise ConfigError(f"seed {parameters.seed}: expected 0 or more. Choose another seed.")
    if not 0 < parameters.coverage <= _HIGHEST_COVERAGE:
        raise ConfigError(
            f"coverage {parameters.coverage:g}: expected more than 0 and at most "
            f"{_HIGHEST_COVERAGE:g}. The toy is for small data."
        )
    if not _SMALLEST_SCALE <= parameters.scale <= _LARGEST_SCALE:
        raise ConfigError(
            f"scale {parameters.scale:g}: expected {_SMALLEST_SCALE:g} to {_LARGEST_SCALE:g}. "
            "Below, the contigs are too short for their genes."
        )


def _listed_files(outdir: Path, parameters: _Parameters) -> list[str]:
    """The files of the project in ``outdir``; none where there is no project yet."""
    try:
        if not outdir.exists() or not any(outdir.iterdir()):
            return []
        stamp = json.loads((outdir / STAMP).read_text(encoding="utf-8"))
        found = _Parameters(**{name: stamp[name] for name in asdict(parameters)})
        files = [str(name) for name in stamp["files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{outdir}: is not a toy project and not an empty folder; expected either. "
            "Nothing in it was changed. Choose another folder."
        ) from error
    if found != parameters:
        raise OutputError(
            f"{outdir}: holds a toy project made with {_described(found)}; asked for "
            f"{_described(parameters)}. Its results would no longer fit. "
            "Choose another folder, or remove this one."
        )
    return files


def _described(parameters: _Parameters) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in asdict(parameters).items())


@contextmanager
def _folder_beside(outdir: Path) -> Iterator[Path]:
    """Give a new folder in the parent of ``outdir``; remove it unless it was renamed."""
    try:
        outdir.parent.mkdir(parents=True, exist_ok=True)
        name = tempfile.mkdtemp(prefix=f".{outdir.name}.", suffix=".tmp", dir=outdir.parent)
        # mkdtemp closes the folder to others; a folder made with the default mode is not.
        folder = Path(name) / "project"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(name, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{outdir}: cannot be written: {error.strerror or error}") from error


def _file_names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _write_files(folder: Path, parameters: _Parameters) -> None:
    seed, coverage, scale = parameters.seed, parameters.coverage, parameters.scale
    cohort = make_cohort(seed, scale)
    write_text(folder / "reference" / "toy.fa", fasta(cohort.reference))
    write_text(folder / "reference" / "par.bed", bed(cohort.reference.par))
    write_truth(folder / "truth", cohort)
    for person in range(len(PEOPLE)):
        _write_reads(folder / "reads", cohort, person, seed, coverage)
    write_text(folder / "samples.tsv", samples_tsv())
    write_text(folder / "units.tsv", units_tsv(_md5_sums(folder / "reads")))
    write_text(folder / "consents.tsv", consents_tsv())
    write_text(folder / "config.yaml", config_yaml(cohort.reference))
    write_text(folder / "README.md", readme(cohort, seed, coverage, scale))


def _write_reads(folder: Path, cohort: Cohort, person: int, seed: int, coverage: float) -> None:
    name = PEOPLE[person].sample_id
    copies = molecules(cohort, person)
    rng = stream(seed, "fragments", name)
    fragments = draw_fragments(copies, sequenced_coverage(coverage), rng)
    lanes = [lane for lane in LANES if lane.person == person]
    libraries, shares = [lane.library_id for lane in lanes], [lane.share for lane in lanes]
    template = lay_template(copies)
    rows_of_lane = spread_over_lanes(len(fragments), libraries, shares, rng)
    for lane, rows in zip(lanes, rows_of_lane, strict=True):
        first, second = fastq_names(lane)
        lane_rng = stream(seed, "reads", first)
        write_lane(
            (folder / first, folder / second), lane, template, fragments.take(rows), lane_rng
        )


def _md5_sums(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for path in sorted(folder.iterdir())
    }
