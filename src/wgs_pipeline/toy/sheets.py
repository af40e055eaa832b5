"""The sheets of a toy project: samples, units and the consent register."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from wgs_pipeline.toy.people import (
    FATHER,
    LANES,
    MOTHER,
    PEOPLE,
    PROBAND,
    UNRELATED,
    WITHDRAWN,
    Lane,
)

#: Person, scope, decision, effective_from, recorded_at, source; in the order of recording.
_CONSENTS = (
    (MOTHER, "analysis", "given", "2024-02-01T10:05:00+01:00", "2024-02-01T10:20:00+01:00"),
    (MOTHER, "research", "given", "2024-02-01T10:05:00+01:00", "2024-02-01T10:20:00+01:00"),
    (
        MOTHER,
        "secondary_findings",
        "refused",
        "2024-02-01T10:05:00+01:00",
        "2024-02-01T10:21:00+01:00",
    ),
    (FATHER, "analysis", "given", "2024-02-01T10:10:00+01:00", "2024-02-01T10:25:00+01:00"),
    # Superseded a month later: the father changed his mind in favour of research.
    (FATHER, "research", "refused", "2024-02-01T10:10:00+01:00", "2024-02-01T10:25:00+01:00"),
    (FATHER, "research", "given", "2024-03-04T08:30:00+01:00", "2024-03-04T08:31:00+01:00"),
    (PROBAND, "analysis", "given", "2024-02-01T10:15:00+01:00", "2024-02-01T10:30:00+01:00"),
    (
        PROBAND,
        "secondary_findings",
        "given",
        "2024-02-01T10:15:00+01:00",
        "2024-02-01T10:30:00+01:00",
    ),
    (PROBAND, "recontact", "given", "2024-02-01T10:15:00+01:00", "2024-02-01T10:31:00+01:00"),
    (UNRELATED, "analysis", "given", "2024-04-10T13:00:00+02:00", "2024-04-10T13:05:00+02:00"),
    (UNRELATED, "research", "given", "2024-04-10T13:00:00+02:00", "2024-04-10T13:05:00+02:00"),
    # Superseded: she then registered that her data are for her own care only.
    (UNRELATED, "research", "refused", "2024-05-02T00:00:00+02:00", "2024-05-02T09:12:00+02:00"),
    (
        UNRELATED,
        "secondary_findings",
        "given",
        "2024-04-10T13:00:00+02:00",
        "2024-04-10T13:06:00+02:00",
    ),
    (WITHDRAWN, "analysis", "given", "2024-04-22T09:00:00+02:00", "2024-04-22T09:10:00+02:00"),
    (WITHDRAWN, "research", "given", "2024-04-22T09:00:00+02:00", "2024-04-22T09:10:00+02:00"),
    # Superseded: he withdrew after his reads had been made.
    (WITHDRAWN, "analysis", "withdrawn", "2024-06-17T00:00:00Z", "2024-06-17T07:45:00Z"),
)


def samples_tsv() -> str:
    """The text of samples.tsv."""
    header = (
        *("sample_id", "patient_id", "sex", "family_id", "father_id", "mother_id"),
        *("affected", "patient_group", "region", "material"),
    )
    return _tsv(
        header,
        (
            (
                *(person.sample_id, person.patient_id, person.sex, person.family_id),
                *(_sample_of(person.father), _sample_of(person.mother)),
                *(person.affected, person.patient_group, person.region, "germline"),
            )
            for person in PEOPLE
        ),
    )


def fastq_names(lane: Lane) -> tuple[str, str]:
    """File names of read 1 and read 2 of a lane."""
    stem = f"{lane.library_id}_{lane.flowcell}_L{lane.lane:03}"
    return f"{stem}_R1.fastq.gz", f"{stem}_R2.fastq.gz"


def units_tsv(md5: dict[str, str]) -> str:
    """The text of units.tsv; ``md5`` is the sum of each FASTQ by file name."""
    header = ("sample_id", "library_id", "flowcell", "lane", "fastq_1", "fastq_2", "md5_1", "md5_2")
    return _tsv(header, (_unit(lane, *fastq_names(lane), md5) for lane in LANES))


def consents_tsv() -> str:
    """The text of consents.tsv, events in the order in which they were recorded."""
    header = ("patient_id", "scope", "decision", "effective_from", "recorded_at", "source")
    return _tsv(
        header,
        ((PEOPLE[person].patient_id, *event, "synthetic form") for person, *event in _CONSENTS),
    )


def _unit(lane: Lane, first: str, second: str, md5: dict[str, str]) -> tuple[str, ...]:
    folder = Path("reads")
    return (
        *(PEOPLE[lane.person].sample_id, lane.library_id, lane.flowcell, f"L{lane.lane:03}"),
        *(str(folder / first), str(folder / second), md5[first], md5[second]),
    )


def _sample_of(row: int | None) -> str:
    return "" if row is None else PEOPLE[row].sample_id


def _tsv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
