"""The sample and unit sheets: records of their rows, and the checks across rows.

Relative paths in a sheet are relative to that sheet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from wgs_pipeline import pedigree
from wgs_pipeline.errors import Problem, ProblemsError
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.tables import Row, read_table


@dataclass(frozen=True)
class Sample:
    """One sample of one patient, as its row of samples.tsv states it.

    Attributes:
        sample_id: Its name (SM).
        patient_id: The person; never to be shown.
        sex: female, male or unknown, as stated.
        family_id: The family; the sample_id where the sheet states none.
        father_id: sample_id of the father, or None.
        mother_id: sample_id of the mother, or None.
        affected: yes, no or unknown.
        patient_group: Patient group, or "".
        region: Health region, or "".
        material: germline or tumour.
        line: 1-based line of the sheet.
    """

    sample_id: str
    patient_id: str = field(repr=False)
    sex: str
    family_id: str
    father_id: str | None = None
    mother_id: str | None = None
    affected: str = "unknown"
    patient_group: str = ""
    region: str = ""
    material: str = "germline"
    line: int = 0


@dataclass(frozen=True)
class Unit:
    """One input of one sample: FASTQ of a lane and library, a CRAM, or a gVCF.

    Paths are absolute; what the row does not state is None ("" for the three names).
    """

    sample_id: str
    library_id: str = ""
    flowcell: str = ""
    lane: str = ""
    fastq_1: Path | None = None
    fastq_2: Path | None = None
    md5_1: str | None = None
    md5_2: str | None = None
    cram: Path | None = None
    gvcf: Path | None = None
    assay: str = "wgs"
    target_bed: Path | None = None
    library_kit: str = ""
    line: int = 0

    @property
    def kind(self) -> str:
        """What the input is: fastq, cram or gvcf."""
        return "fastq" if self.fastq_1 else "cram" if self.cram else "gvcf"

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file that the unit names."""
        named = (self.fastq_1, self.fastq_2, self.cram, self.gvcf, self.target_bed)
        return tuple(path for path in named if path)


_Record = TypeVar("_Record", Sample, Unit)


@dataclass(frozen=True)
class Sheet(Generic[_Record]):
    """A sheet as far as it could be read, with everything wrong with it.

    Attributes:
        path: The sheet.
        records: The rows that follow the schema, in order.
        problems: Everything wrong with the sheet by itself.
        sample_ids: Every sample_id that stands in it, those of broken rows too.
    """

    path: Path
    records: tuple[_Record, ...]
    problems: tuple[Problem, ...]
    sample_ids: frozenset[str]


def read_samples(path: Path) -> tuple[Sample, ...]:
    """The samples of a sheet, in its order.

    Raises:
        ProblemsError: Everything wrong with the sheet: rows, duplicates, pedigree.
    """
    return _or_raise(parse_samples(path))


def read_units(path: Path) -> tuple[Unit, ...]:
    """The units of a sheet, in its order.

    Raises:
        ProblemsError: Everything wrong with the sheet: rows, lanes and files used twice.
    """
    return _or_raise(parse_units(path))


def parse_samples(path: Path) -> Sheet[Sample]:
    """Read samples.tsv as far as possible; the problems are in the answer."""
    table = read_table(path, "samples")
    samples = tuple(_sample(row) for row in table.rows)
    names = frozenset(table.values("sample_id"))
    alone = {row.line for row in table.rows if "family_id" not in row.cells}
    members = [_member(sample, alone=sample.line in alone) for sample in samples]
    problems = [
        *table.problems,
        *_twice(path, [(f"sample_id {s.sample_id!r}", s.line) for s in samples], "Rename one."),
        *_person_problems(table.path, samples),
        *pedigree.check(str(table.path), members, names),
    ]
    return Sheet(path, samples, tuple(problems), names)


def parse_units(path: Path) -> Sheet[Unit]:
    """Read units.tsv as far as possible; the problems are in the answer."""
    table = read_table(path, "units")
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 (resolve would follow links)
    units, problems = [], list(table.problems)
    for row in table.rows:
        wrong = _input_problem(row)
        if wrong:
            remedy = "Give one kind of input per row, with all that belongs to it."
            problems.append(Problem(str(path), row.line, *wrong, remedy))
        else:
            units.append(_unit(row, folder))
    problems += [*_lane_problems(path, units), *_kind_problems(path, units)]
    return Sheet(path, tuple(units), tuple(problems), frozenset(table.values("sample_id")))


def match_sheets(samples: Sheet[Sample], units: Sheet[Unit]) -> list[Problem]:
    """Samples that have no unit, and units whose sample is not in the sheet of samples.

    Says nothing where one of the two could not be read at all.
    """
    if not samples.sample_ids or not units.sample_ids:
        return []
    problems = []
    for unit in units.records:
        if unit.sample_id not in samples.sample_ids:
            found = f"sample {unit.sample_id!r} is not in {samples.path.name}"
            remedy = f"Add the sample to {samples.path.name} or remove this line."
            expected = "a sample_id of the sheet of samples"
            problems.append(Problem(str(units.path), unit.line, found, expected, remedy))
    for sample in samples.records:
        if sample.sample_id not in units.sample_ids:
            found = f"sample {sample.sample_id!r} has no unit in {units.path.name}"
            remedy = f"Add its FASTQ, CRAM or gVCF to {units.path.name}."
            expected = "at least one input"
            problems.append(Problem(str(samples.path), sample.line, found, expected, remedy))
    return problems


def _or_raise(sheet: Sheet[_Record]) -> tuple[_Record, ...]:
    if sheet.problems:
        raise ProblemsError(sheet.problems)
    return sheet.records


def _sample(row: Row) -> Sample:
    cells = row.cells
    return Sample(
        sample_id=cells["sample_id"],
        patient_id=canonical_patient_id(cells["patient_id"]),
        sex=cells["sex"],
        family_id=cells.get("family_id", cells["sample_id"]),
        father_id=cells.get("father_id"),
        mother_id=cells.get("mother_id"),
        affected=cells.get("affected", "unknown"),
        patient_group=cells.get("patient_group", ""),
        region=cells.get("region", ""),
        material=cells.get("material", "germline"),
        line=row.line,
    )


def _member(sample: Sample, *, alone: bool) -> pedigree.Member:
    return pedigree.Member(
        sample.sample_id,
        sample.family_id,
        sample.father_id,
        sample.mother_id,
        sample.sex,
        sample.line,
        alone,
    )


def _unit(row: Row, folder: Path) -> Unit:
    def path(column: str) -> Path | None:
        value = row.get(column)
        return Path(os.path.normpath(folder / value)) if value else None

    def md5(column: str) -> str | None:
        value = row.get(column)
        return value.lower() if value else None

    return Unit(
        sample_id=row["sample_id"],
        library_id=row.get("library_id") or "",
        flowcell=row.get("flowcell") or "",
        lane=row.get("lane") or "",
        fastq_1=path("fastq_1"),
        fastq_2=path("fastq_2"),
        md5_1=md5("md5_1"),
        md5_2=md5("md5_2"),
        cram=path("cram"),
        gvcf=path("gvcf"),
        assay=row.get("assay") or "wgs",
        target_bed=path("target_bed"),
        library_kit=row.get("library_kit") or "",
        line=row.line,
    )


def _input_problem(row: Row) -> tuple[str, str] | None:
    """(found, expected) where a row does not describe exactly one input; as the schema's oneOf."""
    one_kind = "fastq_1 and fastq_2, or cram, or gvcf"
    cells = row.cells
    filled = set(cells)
    kinds = [k for k in ("fastq", "cram", "gvcf") if filled & {k, f"{k}_1", f"{k}_2"}]
    if len(kinds) != 1:
        found = f"a row with {' and '.join(kinds)}" if kinds else "a row without input"
        return found, f"one of: {one_kind}"
    if kinds == ["fastq"]:
        needed = ("fastq_1", "fastq_2", "library_id", "flowcell", "lane")
        missing = [column for column in needed if column not in filled]
        if missing:
            return f"FASTQ without {', '.join(missing)}", f"with FASTQ {', '.join(needed)}"
    elif filled & {"md5_1", "md5_2"}:
        return f"md5_1 or md5_2 with {kinds[0]}", "md5_1 and md5_2 with FASTQ only"
    if kinds != ["gvcf"] and ("target_bed" in filled or cells.get("assay", "wgs") != "wgs"):
        return f"target_bed or another assay with {kinds[0]}", "them with gvcf only"
    return None


def _twice(path: Path, values: Iterable[tuple[str, int]], remedy: str) -> Iterable[Problem]:
    """A problem for each value that stood on an earlier line."""
    first: dict[str, int] = {}
    for value, line in values:
        earlier = first.setdefault(value, line)
        if earlier != line:
            found = f"{value} again (first on line {earlier})"
            yield Problem(str(path), line, found, "each once", remedy)


def _person_problems(path: Path, samples: Sequence[Sample]) -> Iterable[Problem]:
    """Samples of one patient that disagree on the sex; the patient is not named."""
    first: dict[str, Sample] = {}
    for sample in samples:
        other = first.setdefault(sample.patient_id, sample)
        if "unknown" not in (sample.sex, other.sex) and sample.sex != other.sex:
            found = (
                f"sample {sample.sample_id!r} is {sample.sex}, but the same patient's sample "
                f"{other.sample_id!r} on line {other.line} is {other.sex}"
            )
            remedy = "Correct the sex or the patient of one of the two."
            yield Problem(str(path), sample.line, found, "one sex per patient", remedy)


def _lane_problems(path: Path, units: Sequence[Unit]) -> Iterable[Problem]:
    lanes = [
        (f"flowcell {u.flowcell}, lane {u.lane}, library {u.library_id} of {u.sample_id}", u.line)
        for u in units
        if u.kind == "fastq"
    ]
    remedy = "A library is on a lane once: correct the lane, or remove the line."
    yield from _twice(path, lanes, remedy)
    yield from _repeated_files(path, units)


def _repeated_files(path: Path, units: Sequence[Unit]) -> Iterable[Problem]:
    first: dict[Path, tuple[int, str]] = {}
    for unit in units:
        for column in ("fastq_1", "fastq_2", "cram", "gvcf"):
            file: Path | None = getattr(unit, column)
            if file is None:
                continue
            line, where = first.setdefault(file, (unit.line, column))
            if (line, where) != (unit.line, column):
                found = f"{column} is the file of {where} on line {line}, {file.name!r}, again"
                remedy = "Correct the path: the same reads would be counted twice."
                yield Problem(str(path), unit.line, found, "each file once", remedy)


def _kind_problems(path: Path, units: Sequence[Unit]) -> Iterable[Problem]:
    """Samples with several kinds of input, or with several CRAMs or gVCFs."""
    first: dict[str, Unit] = {}
    for unit in units:
        other = first.setdefault(unit.sample_id, unit)
        if other is unit or (unit.kind == other.kind == "fastq"):
            continue
        found = (
            f"sample {unit.sample_id!r} has {unit.kind} here and {other.kind} on line {other.line}"
        )
        expected = "one kind of input per sample, and one CRAM or gVCF"
        yield Problem(str(path), unit.line, found, expected, "Remove one of the two lines.")
