"""Mendelian errors of random trios, record by record, as ``bcftools +mendelian`` finds them."""

from __future__ import annotations

import numpy as np

from families import DAD_MUM_KID, family, person, write_callset
from isec import bcftools
from wgs_pipeline.family.callset import batches
from wgs_pipeline.family.transmission import judge, sources
from wgs_pipeline.reference import contig_role

RULES = """\
chrX:10001-1000000 M/M + F > M
chrX:10001-1000000 M/M + F > M/F
chrY:10001-500000 . + F > F
chrM:1-16000 M + F > M
"""
RECORDS = 400
#: Copies of child, father and mother by contig, for a son and for a daughter.
COPIES = {
    "chr1": {"male": (2, 2, 2), "female": (2, 2, 2)},
    "chrX": {"male": (1, 1, 2), "female": (2, 1, 2)},
    "chrY": {"male": (1, 1, 0)},
    "chrM": {"male": (1, 1, 1), "female": (1, 1, 1)},
}


def draw(rng, copies):
    """A genotype of two ALT alleles as text; one in twelve is missing."""
    missing = rng.random() < 1 / 12
    return "/".join("." if missing else str(each) for each in rng.integers(0, 3, copies)) or "."


def bad_by_bcftools(vcf, path):
    path.write_text(RULES)
    listed = bcftools("+mendelian", "-R", path, "-t", "mum,dad,kid", "-m", "x", vcf)
    lines = [line.split("\t") for line in listed.splitlines() if not line.startswith("#")]
    return {(line[0], int(line[1])) for line in lines}


def counts_by_bcftools(vcf, path):
    text = bcftools("+mendelian", "-R", path, "-t", "mum,dad,kid", "-m", "c", vcf)
    return [int(each) for each in text.splitlines()[-1].split("\t")[:2]]


def test_random_trios(tmp_path):
    rng = np.random.default_rng(11)
    for sex in ("male", "female"):
        people = family(person("kid", sex, **DAD_MUM_KID), person("dad", "male"), person("mum"))
        records = [
            (contig, 20_000 + at if contig != "chrM" else 100 + at, "A", "C,G",
             [draw(rng, copies) for copies in COPIES[contig][sex]])
            for contig in COPIES if sex in COPIES[contig] for at in range(RECORDS)
        ]  # fmt: skip
        vcf = write_callset(tmp_path / f"{sex}.vcf.gz", people.names, records)
        bad, good = set(), 0
        for batch in batches(vcf, people.names):
            trio = [batch.alleles[:, at] for at in range(3)]
            source = sources(contig_role(batch.contig), sex, *trio)
            judged, consistent = judge(source, *trio)
            good += int(consistent.sum())
            wrong = batch.positions[judged & ~consistent]
            bad |= {(batch.contig, int(position)) for position in wrong}
        theirs = bad_by_bcftools(vcf, tmp_path / "rules.txt")
        print(sex, len(bad), len(theirs), good, counts_by_bcftools(vcf, tmp_path / "rules.txt"))
        assert bad == theirs
