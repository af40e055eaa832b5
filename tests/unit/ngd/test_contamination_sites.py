"""The database's own frequencies are the sites by which a new sample's contamination is found.

Synthetic, seeded: persons of one population are loaded, their frequencies exported for care, and
reads of two persons who are not among them mixed, aligned and measured by the commands that the
workflow runs. About 15 s.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ngd_builders import Consents, make_database

from people import BASES, People
from running import BIN
from wgs_pipeline.ngd.load import Request, load

PERSONS, DEPTH, READ, ERROR = 40, 30, 100, 0.002

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bwa", "samtools", "bcftools"))),
    reason="needs bwa, samtools and bcftools",
)


def bash(script: str, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Hospital:
    """A folder with the reference and ``frequencies/``, and persons who are not in the database."""

    folder: Path
    people: People

    def measured(self, share: float) -> dict[str, dict[str, object]]:
        """Metrics of reads of the patient, of which a share is a stranger's."""
        people, rng = self.people, np.random.default_rng(3)
        haplotypes = np.tile(people.sequence, (2, 2, 1))
        for number, name in enumerate(("patient", "stranger")):
            carried = people.haplotypes[name].T
            haplotypes[number][:, people.positions] = np.where(
                carried, people.alts, people.sequence[people.positions]
            )
        count = DEPTH * people.length // READ
        who = (rng.random(count) < share).astype(int)[:, np.newaxis]
        start = rng.integers(0, people.length - READ, count)[:, np.newaxis] + np.arange(READ)
        bases = haplotypes[who, rng.integers(0, 2, count)[:, np.newaxis], start]
        wrong = rng.random(bases.shape) < ERROR
        bases = np.where(wrong, (bases + rng.integers(1, 4, bases.shape)) % 4, bases)
        lines = (f"@r{n}\n{''.join(BASES[row])}\n+\n{'I' * READ}\n" for n, row in enumerate(bases))
        (self.folder / "reads.fq").write_text("".join(lines))
        bash(
            f"""
            bwa mem r.fa reads.fq | samtools sort -u - \\
                | samtools view --cram --reference r.fa -o S.cram -
            {BIN}/wgs qc alignment S.cram --reference r.fa --regions regions.bed \\
                --sites frequencies/frequencies.vcf.gz --samtools-stats stats.txt -o tally.json
            {BIN}/wgs qc metrics --sample S --sex unknown --samtools-stats stats.txt \\
                --alignment-tally tally.json -o metrics.json
            """,
            self.folder,
        )
        return json.loads((self.folder / "metrics.json").read_text())["metrics"]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    folder = tmp_path_factory.mktemp("hospital")
    people = People(seed=4, length=130_000, n_sites=2_500)
    consents = Consents(folder / "consents.tsv")
    root = make_database(folder, {"chr1": people.length}, {})
    for number in range(PERSONS):
        name, patient = f"NGC-{number}", f"0101{number + 10:02d}-{1000 + number}"
        people.founder(name)
        consents.add(patient, "analysis", "given")
        gvcf = people.write_gvcf(folder / f"{name}.g.vcf", name, name)
        load(root, Request(name, gvcf, patient, "unknown"))
    people.founder("patient")
    people.founder("stranger")
    people.write_fasta(folder / "r.fa")
    bash(
        f"""
        samtools faidx r.fa; bwa index r.fa
        {BIN}/wgs qc regions --reference r.fa -o regions.bed
        {BIN}/wgs ngd export ngd --purpose care --frequencies-only -o frequencies
        """,
        folder,
    )
    return Hospital(folder, people)


def test_the_frequencies_are_those_of_the_persons_loaded(hospital: Hospital) -> None:
    people = hospital.people
    carried = sum(people.dosages(f"NGC-{number}").astype(int) for number in range(PERSONS))
    expected = {
        int(position) + 1: dosage / (2 * PERSONS)
        for position, dosage in zip(people.positions, carried, strict=True)
        if dosage
    }
    text = subprocess.run(
        ["bcftools", "query", "-f", "%POS %INFO/AF\\n",
         hospital.folder / "frequencies" / "frequencies.vcf.gz"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found = {int(pos): float(af) for pos, af in (line.split() for line in text.splitlines())}
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05])
def test_a_share_is_found_by_them(hospital: Hospital, share: float) -> None:
    metrics = hospital.measured(share)
    found = metrics["contamination_likelihood"]
    assert found["value"] == pytest.approx(share, abs=0.005), found
    assert metrics["cross_contamination_rate"]["value"] == found["value"]
