"""Callsets of small families, written record by record, and the reference that they need."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from wgs_pipeline.config import load_config
from wgs_pipeline.family.settings import FamilyConfig
from wgs_pipeline.family.structure import Family, family_of
from wgs_pipeline.sheets import Sample

#: Contigs of the tests' genome; the PAR is chrX:1-10000.
LENGTHS = {"chr1": 200_000_000, "chr2": 100_000_000, "chrX": 1_000_000, "chrY": 500_000}
LENGTHS["chrM"] = 16_000
PAR = "chrX\t0\t10000\nchrY\t0\t10000\n"

#: Parents of a child, as ``person`` takes them.
DAD_MUM_KID = {"father": "dad", "mother": "mum"}

HOM_REF, HET, HOM_ALT = "0/0:30:30,0:0,90,255", "0/1:30:15,15:255,0,255", "1/1:30:0,30:255,90,0"
HAPLOID_REF, HAPLOID_ALT = "0:15:15,0:0,255", "1:15:0,15:255,0"
MISSING = "./.:.:.:."
#: Genotype cells by a letter, for tables of few words.
CELLS = {"r": HOM_REF, "h": HET, "a": HOM_ALT, "R": HAPLOID_REF, "A": HAPLOID_ALT, ".": MISSING}


def person(name: str, sex: str = "female", affected: str = "no", **parents: str) -> Sample:
    """A member of family F; ``father`` and ``mother`` by name."""
    named = {f"{role}_id": parent for role, parent in parents.items()}
    return Sample(name, f"SYN-{name}", sex, "F", affected=affected, **named)


def family(*members: Sample, excluded: Iterable[str] = ()) -> Family:
    """The family of all members but those excluded."""
    out = set(excluded)
    return family_of("F", members, out, [m.sample_id for m in members if m.sample_id not in out])


def write_callset(
    path: Path,
    samples: Sequence[str],
    records: Iterable[tuple[str, int, str, str, Sequence[str]]],
    verdict: str = "PASS",
    likelihoods: str = "PL",
) -> Path:
    """Write a callset with its index.

    Args:
        path: Where.
        samples: Names of the columns.
        records: (contig, position, ref, alt, cells), in any order.
        verdict: FILTER of every record.
        likelihoods: ``PL``, or ``GL`` into which the cells are turned.
    """
    head = ["##fileformat=VCFv4.2", '##FILTER=<ID=LowQual,Description="Low">']
    head += [f"##contig=<ID={name},length={length}>" for name, length in LENGTHS.items()]
    for key, number, kind in (
        ("GT", "1", "String"),
        ("DP", "1", "Integer"),
        ("AD", "R", "Integer"),
        (likelihoods, "G", "Integer" if likelihoods == "PL" else "Float"),
    ):
        head.append(f'##FORMAT=<ID={key},Number={number},Type={kind},Description="{key}">')
    head.append(
        "\t".join(["#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".replace(" ", "\t"), *samples])
    )

    def turned(cell: str) -> str:
        first, _, last = cell.rpartition(":")
        if likelihoods == "PL" or last == ".":
            return cell
        return f"{first}:{','.join(str(-int(each) / 10) for each in last.split(','))}"

    order = {name: at for at, name in enumerate(LENGTHS)}
    lines = [
        "\t".join(
            [
                contig,
                str(at),
                ".",
                ref,
                alt,
                "100",
                verdict,
                ".",
                f"GT:DP:AD:{likelihoods}",
                *map(turned, cells),
            ]
        )
        for contig, at, ref, alt, cells in sorted(records, key=lambda r: (order[r[0]], r[1]))
    ]
    text = "\n".join([*head, *lines]) + "\n"
    with path.open("wb") as file:
        subprocess.run(["bgzip", "-c"], input=text.encode(), stdout=file, check=True)
    subprocess.run(["tabix", "--force", "--preset", "vcf", str(path)], check=True)
    return path


def rules(tmp_path: Path, **family: object) -> FamilyConfig:
    """The configured rules: the defaults, but for some keys."""
    lines = [
        "samples: s.tsv\nunits: u.tsv\nconsents: c.tsv\nresults: results",
        "reference: {build: small, fasta: r.fa}\nngd: {root: ngd, vault: vault}",
    ]
    path = tmp_path / "family-config.yaml"
    path.write_text("\n".join(lines) + "\n")
    return load_config(path, {"family": family} if family else None).family


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def cells(letters: str) -> list[str]:
    """Genotype cells of members, by a letter each."""
    return [CELLS[letter] for letter in letters]


def as_alleles(genotype: Sequence[int]) -> list[int]:
    """One genotype as the package has it: padded to two alleles."""
    return [*genotype, *[-2] * (2 - len(genotype))]
