"""Six toy people with one karyotype each, and the alleles that each of them carries.

Their chromosomes are drawn as those of the toy cohort; each X, Y and autosome is a chromosome of
its own, so that copies differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from running import Project, write_project
from wgs_pipeline.files import write_text
from wgs_pipeline.toy.cohort import make_cohort
from wgs_pipeline.toy.fastq import write_lane
from wgs_pipeline.toy.fragments import (
    draw_fragments,
    lay_template,
    sequenced_coverage,
    spread_over_lanes,
)
from wgs_pipeline.toy.haplotypes import Molecule, apply
from wgs_pipeline.toy.inheritance import draw_founders
from wgs_pipeline.toy.people import Lane
from wgs_pipeline.toy.reference import MITOCHONDRION, X, Y, fasta
from wgs_pipeline.toy.streams import stream
from wgs_pipeline.toy.truth import bed

#: Karyotype to its numbers of X and Y: written out, so that it tests what the package says.
COPIES = {
    "XX": (2, 0),
    "XY": (1, 1),
    "X0": (1, 0),
    "XXY": (2, 1),
    "XYY": (1, 2),
    "XXX": (3, 0),
}
#: Stated sex of those that are not male.
STATED = {"S_XX": "female", "S_X0": "female", "S_XXX": "unknown"}
#: Two X chromosomes, and its sheet says male: somebody else's sample, it seems.
CONTRADICTED = "S_contradicted"
PEOPLE = {**{f"S_{karyotype}": karyotype for karyotype in COPIES}, CONTRADICTED: "XX"}


@dataclass(frozen=True)
class Person:
    """What is true of one of them.

    Attributes:
        karyotype: The karyotype.
        alleles: ALT alleles and copies by contig and 1-based position: {(contig, pos): (n, of)}.
            PAR is on X. Sites that nobody varies at are not in it.
    """

    karyotype: str
    alleles: dict[tuple[str, int], tuple[int, int]]


def make_people(
    folder: Path, scale: float, coverage: float, seed: int = 7
) -> tuple[Project, dict[str, Person], tuple[int, int]]:
    """A project of one person a karyotype, what is true of each, and where the PAR is on X."""
    cohort = make_cohort(seed, scale)
    reference = cohort.reference
    write_text(folder / "inputs/toy.fa", fasta(reference))
    write_text(folder / "inputs/par.bed", bed(reference.par))
    people, samples, units = {}, [], []
    for number, (name, karyotype) in enumerate(PEOPLE.items()):
        x, y = COPIES[karyotype]
        molecules: list[Molecule] = []
        alleles: dict[tuple[str, int], tuple[int, int]] = {}
        for contig, piece in reference.contigs.items():
            sites = cohort.sites[contig]
            drawn = draw_founders(sites, piece, stream(seed, "karyotypes", name, contig))
            carried = drawn.reshape(len(sites), -1) == 1
            copies = {X: x, Y: y, MITOCHONDRION: 1}.get(contig, 2)
            rows = [carried[:, copy] for copy in range(copies)]
            total = np.zeros(len(sites), int) + sum(rows, np.zeros(len(sites), int))
            of = np.full(len(sites), copies)
            if contig == X:  # the PAR of each Y, drawn as one of X
                in_par = sites.positions < reference.par_end
                on_y = [carried[:, 3 + copy] & in_par for copy in range(y)]
                total, of = total + sum(on_y, np.zeros(len(sites), int)), of + y * in_par
                shared = [sites.take(each) for each in on_y]
            for copy, row in enumerate(rows):
                own = sites.take(row)
                if contig == Y:
                    own = type(own)(
                        *(np.concatenate([getattr(part, field) for part in (shared[copy], own)])
                          for field in ("positions", "refs", "alts"))
                    )  # fmt: skip
                codes = apply(piece.complete, own)
                molecules.append(Molecule(contig, codes, piece.circular))
            alleles |= {
                (contig, int(at) + 1): (int(n), int(c))
                for at, n, c, snv in zip(sites.positions, total, of, sites.is_snv, strict=True)
                if snv
            }
        rng = stream(seed, "karyotypes", name, "fragments")
        fragments = draw_fragments(molecules, sequenced_coverage(coverage), rng)
        lane = Lane(number, f"{name}_A", "HSYN1DSXX", number + 1, "ATTACTCG", 1.0)
        (rows_of_lane,) = spread_over_lanes(len(fragments), [lane.library_id], [1.0], rng)
        paths = tuple(folder / f"inputs/{name}_R{mate}.fastq.gz" for mate in (1, 2))
        write_lane(paths, lane, lay_template(molecules), fragments.take(rows_of_lane), rng)
        people[name] = Person(karyotype, alleles)
        sex = STATED.get(name, "male")
        samples.append({"sample_id": name, "patient_id": f"SYN-{name}", "sex": sex})
        files = {f"fastq_{mate}": str(path) for mate, path in enumerate(paths, start=1)}
        units.append({"sample_id": name, "library_id": "A", "flowcell": "F1", "lane": "1", **files})
    project = write_project(
        folder / "project",
        samples,
        units,
        {
            "build": "toy",
            "fasta": str(folder / "inputs/toy.fa"),
            "par_bed": str(folder / "inputs/par.bed"),
        },
    )
    return project, people, (reference.par_start, reference.par_end)
