"""Who the toy people are: a trio, one who refused research, one without analysis consent.

All of them are synthetic, and their patient_ids say so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """One person and the one sample taken from them.

    Attributes:
        sample_id: As in samples.tsv.
        patient_id: Not shaped like a CPR number.
        sex: ``female`` or ``male``.
        family_id: Family of the sample.
        father: Row of the father in ``PEOPLE``; None for a founder.
        mother: Row of the mother in ``PEOPLE``; None for a founder.
        affected: ``yes`` or ``no``.
        patient_group: Clinical group.
        region: Region that referred the patient.
        analysed: Whether analysis consent is given as of now.
    """

    sample_id: str
    patient_id: str
    sex: str
    family_id: str
    father: int | None
    mother: int | None
    affected: str
    patient_group: str
    region: str
    analysed: bool = True

    @property
    def male(self) -> bool:
        """Whether the person has one X and one Y."""
        return self.sex == "male"


PROBAND, FATHER, MOTHER, UNRELATED, WITHDRAWN = range(5)

PEOPLE = (
    Person(
        "toy_proband",
        "SYN-0001",
        "male",
        "toy_trio",
        FATHER,
        MOTHER,
        "yes",
        "rare disease in children",
        "Capital Region",
    ),
    Person(
        "toy_father",
        "SYN-0002",
        "male",
        "toy_trio",
        None,
        None,
        "no",
        "rare disease in children",
        "Capital Region",
    ),
    Person(
        "toy_mother",
        "SYN-0003",
        "female",
        "toy_trio",
        None,
        None,
        "no",
        "rare disease in children",
        "Capital Region",
    ),
    Person(
        "toy_unrelated",
        "SYN-0004",
        "female",
        "toy_unrelated",
        None,
        None,
        "yes",
        "hereditary cancer",
        "Central Denmark",
    ),
    Person(
        "toy_withdrawn",
        "SYN-0005",
        "male",
        "toy_withdrawn",
        None,
        None,
        "yes",
        "hereditary heart disease",
        "Southern Denmark",
        analysed=False,
    ),
)


@dataclass(frozen=True)
class Lane:
    """One library of a sample on one lane of a flowcell.

    Attributes:
        person: Row in ``PEOPLE``.
        library_id: The library; duplicates arise within it.
        flowcell: Flowcell barcode.
        lane: Lane number.
        index: Sample index in the read names.
        share: Share of the person's reads.
    """

    person: int
    library_id: str
    flowcell: str
    lane: int
    index: str
    share: float


LANES = (
    Lane(PROBAND, "toy_proband_A", "HSYN1DSXX", 1, "ATTACTCG", 0.35),
    Lane(PROBAND, "toy_proband_A", "HSYN1DSXX", 2, "ATTACTCG", 0.35),
    Lane(PROBAND, "toy_proband_B", "HSYN2DSXX", 1, "TCCGGAGA", 0.30),
    Lane(FATHER, "toy_father_A", "HSYN1DSXX", 1, "CGCTCATT", 0.50),
    Lane(FATHER, "toy_father_A", "HSYN1DSXX", 2, "CGCTCATT", 0.50),
    Lane(MOTHER, "toy_mother_A", "HSYN1DSXX", 1, "GAGATTCC", 0.50),
    Lane(MOTHER, "toy_mother_A", "HSYN1DSXX", 2, "GAGATTCC", 0.50),
    Lane(UNRELATED, "toy_unrelated_A", "HSYN2DSXX", 1, "ATTCAGAA", 1.0),
    Lane(WITHDRAWN, "toy_withdrawn_A", "HSYN2DSXX", 2, "GAATTCGT", 1.0),
)
