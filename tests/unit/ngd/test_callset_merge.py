"""The same gVCFs in the database and through ``bcftools merge --gvcf`` and ``+fill-tags``.

docs/ngd.md, "Compared with bcftools merge", says where the two differ; this says the same in
numbers, and that they are equal everywhere else.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ngd_builders import make_database, write_gvcf
from ngd_callsets import give_consent

from wgs_pipeline import ngd
from wgs_pipeline.ngd.load import Request, load

CONTIGS = {"chr1": 300, "chrX": 100}
SEX = {"S1": "female", "S2": "male", "S3": "female"}
#: No indel of the tests can be shifted in it.
SEQUENCE = {"chr1": "ACGT" * 75, "chrX": "ACGT" * 25}
#: What bcftools wants declared.
DECLARED = (
    '##INFO=<ID=END,Number=1,Type=Integer,Description="">\n##FILTER=<ID=LowQual,Description="">\n'
)
Site = tuple[str, int, str, str]
Counts = tuple[int, int]


def _merged(folder: Path, files: Sequence[Path]) -> dict[Site, Counts]:
    """AC and AN of the sequence alleles that someone carries, by bcftools."""
    fasta = folder / "merge.fa"
    fasta.write_text("".join(f">{name}\n{text}\n" for name, text in SEQUENCE.items()))
    subprocess.run(["samtools", "faidx", fasta], check=True)
    zipped = []
    for file in files:
        zipped.append(folder / f"{file.name}.gz")
        first, rest = file.read_text().split("\n", 1)
        command = ["bcftools", "view", "-Oz", "-o", zipped[-1]]
        whole = f"{first}\n{DECLARED}{rest}".encode()
        subprocess.run(command, input=whole, check=True, capture_output=True)
        subprocess.run(["bcftools", "index", zipped[-1]], check=True)
    text = b""
    for command in (
        ["bcftools", "merge", "--gvcf", fasta, "-Ou", *zipped],
        ["bcftools", "+fill-tags", "-Ou", "--", "-t", "AC,AN"],
        ["bcftools", "query", "-f", "%CHROM\\t%POS\\t%REF\\t%ALT\\t%AC\\t%AN\\n"],
    ):
        text = subprocess.run(command, input=text, check=True, capture_output=True).stdout
    found: dict[Site, Counts] = {}
    for line in text.decode().splitlines():
        contig, pos, ref, alts, acs, an = line.split("\t")
        for alt, ac in zip(alts.split(","), acs.split(","), strict=False):
            if ac not in ("0", "."):
                assert (contig, int(pos), ref, alt) not in found
                found[contig, int(pos), ref, alt] = int(ac), int(an)
    return found


def _counted(folder: Path, files: Mapping[str, Path]) -> dict[Site, Counts]:
    """The same of the database."""
    give_consent(folder, SEX)
    root = make_database(folder, CONTIGS, {"chrX": [(0, 20)]})
    for sample, file in files.items():
        load(root, Request(sample, file, f"p-{sample}", SEX[sample]))
    rows = []
    with ngd.open(root, "care") as database:
        for contig, size in CONTIGS.items():
            rows += database.region(f"{contig}:1-{size}").to_pylist()
    return {
        (row["contig"], row["pos"], row["ref"], row["alt"]): (row["AC"], row["AN"]) for row in rows
    }


def _gvcf(folder: Path, sample: str, variants: Mapping[int, str], contig: str = "chr1") -> Path:
    """A gVCF: variants as ``ref alt filter sample`` by position, reference blocks between them."""
    lines, at, size = [], 1, CONTIGS[contig]
    for pos, text in sorted(variants.items()):
        ref, alt, filter_, value = text.split(" ")
        if pos > at:
            lines.append(_block(contig, at, pos - 1))
        if alt == "block":
            lines.append(_block(contig, pos, pos + len(ref) - 1, value))
        else:
            lines.append(f"{contig} {pos} {ref} {alt},<*> {filter_} . GT:DP:GQ {value}")
        at = pos + len(ref)
    if at <= size:
        lines.append(_block(contig, at, size))
    return write_gvcf(folder / f"{sample}.vcf", sample, lines, CONTIGS)


def _block(contig: str, first: int, last: int, value: str = "0/0:30:50") -> str:
    base = SEQUENCE[contig][first - 1]
    return f"{contig} {first} {base} <*> . END={last} GT:DP:GQ {value}"


@pytest.mark.parametrize("seed", range(6))
def test_equal_where_the_definitions_agree(tmp_path: Path, seed: int) -> None:
    """Diploid genotypes that pass, at positions of their own: all AC and AN are equal."""
    rng = random.Random(seed)
    kinds: dict[int, str] = {}
    for pos in range(5, 295, 6):
        kinds[pos] = rng.choice(("snv", "two", "deletion", "insertion"))
    files = {}
    for sample in SEX:
        variants = {}
        for pos, kind in kinds.items():
            ref = SEQUENCE["chr1"][pos - 1]
            others = [base for base in "ACGT" if base != ref]
            if rng.random() < 0.5:
                continue
            genotype = rng.choice(("0/1", "1/1", "0|1"))
            if kind == "deletion":  # all others have a block there
                variants[pos] = f"{SEQUENCE['chr1'][pos - 1 : pos + 2]} {ref} . {genotype}:30:50"
            else:
                alt = others[0] if kind == "snv" else rng.choice(others)
                alt = ref + "GG" if kind == "insertion" else alt
                variants[pos] = f"{ref} {alt} PASS {genotype}:30:50"
        files[sample] = _gvcf(tmp_path, sample, variants)
    expected = _merged(tmp_path, list(files.values()))
    assert len(expected) > 30
    assert _counted(tmp_path, files) == expected


#: Of each difference: what S1, S2 and S3 have at a position (ref alt filter sample), then AC and
#: AN by bcftools and by the database. Where nothing stands a sample has a block that passes.
DIFFERENCES: dict[
    str, tuple[dict[int, tuple[str, str, str]], dict[Site, tuple[Counts, Counts]]]
] = {
    "a genotype that does not pass: depth": (
        {9: ("A G . 0/1:30:50", "A G . 0/1:9:50", "")},
        {("chr1", 9, "A", "G"): ((2, 6), (1, 4))},
    ),
    "a genotype that does not pass: quality, also of a block": (
        {9: ("A G . 0/1:30:50", "A G . 0/1:30:19", "A block . 0/0:30:3")},
        {("chr1", 9, "A", "G"): ((2, 6), (1, 2))},
    ),
    "a genotype that does not pass: filter": (
        {9: ("A G . 0/1:30:50", "A G LowQual 1/1:30:50", "")},
        {("chr1", 9, "A", "G"): ((3, 6), (1, 4))},
    ),
    "a half call": (
        {9: ("A G . 0/1:30:50", "A G . ./1:30:50", "A block . 0/.:30:50")},
        {("chr1", 9, "A", "G"): ((2, 4), (1, 2))},
    ),
    "a base inside another's deletion": (
        {9: ("ACGT A . 0/1:30:50", "", ""), 11: ("", "G T . 0/1:30:50", "")},
        {
            ("chr1", 9, "ACGT", "A"): ((1, 6), (1, 6)),
            ("chr1", 11, "G", "T"): ((1, 4), (1, 6)),
        },
    ),
    "SNV and indel of different people at one position": (
        {9: ("A G . 0/1:30:50", "AC A . 0/1:30:50", "")},
        {
            ("chr1", 9, "A", "G"): ((1, 4), (1, 6)),
            ("chr1", 9, "AC", "A"): ((1, 4), (1, 6)),
        },
    ),
    "one variant in two spellings": (
        {9: ("ACG A . 0/1:30:50", "", ""), 8: ("", "TACG TA . 0/1:30:50", "")},
        {
            ("chr1", 8, "TACG", "TA"): ((1, 6), (0, 0)),
            ("chr1", 9, "ACG", "A"): ((1, 4), (2, 6)),
        },
    ),
    "the allele *": (
        {9: ("A G . 0/1:30:50", "A G,* . 1/2:30:50", "A * . 0/1:30:50")},
        {
            ("chr1", 9, "A", "G"): ((2, 6), (2, 6)),
            ("chr1", 9, "A", "*"): ((2, 6), (0, 0)),
        },
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_differences(tmp_path: Path, name: str) -> None:
    variants, expected = DIFFERENCES[name]
    files = {
        sample: _gvcf(tmp_path, sample, {pos: own[at] for pos, own in variants.items() if own[at]})
        for at, sample in enumerate(SEX)
    }
    _check(tmp_path, files, expected)


def test_copies_of_x(tmp_path: Path) -> None:
    """bcftools counts the alleles that a caller wrote, the database the copies a man has."""
    mine = ("0/1:30:50", "1/1:30:50", "0/0:30:50")
    files = {
        sample: _gvcf(tmp_path, sample, {49: f"A G . {value}"}, "chrX")
        for (sample, value) in zip(SEX, mine, strict=True)
    }
    _check(tmp_path, files, {("chrX", 49, "A", "G"): ((3, 6), (2, 5))})


def _check(
    folder: Path, files: Mapping[str, Path], expected: Mapping[Site, tuple[Counts, Counts]]
) -> None:
    merged = _merged(folder, list(files.values()))
    counted = _counted(folder, files)
    none = (0, 0)
    found = {
        site: (merged.get(site, none), counted.get(site, none)) for site in {*merged, *counted}
    }
    assert found == expected
