"""gVCFs as four callers shape them, and what bcftools says of the same files."""

from __future__ import annotations

import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CONTIGS = {"chr1": 400, "chr2": 300, "chr3": 120, "chrX": 200, "chrM": 90}
#: chr2 has no records.
CALLED = ("chr1", "chr3", "chrX", "chrM")


@dataclass(frozen=True)
class Shape:
    """How one caller writes records; ``{}`` fields are filled in by ``make``."""

    block_alt: str
    extra_alt: str
    filters: tuple[str, ...]
    info: str
    format: str
    value: str
    variant_format: str
    variant_value: str


SHAPES = {
    "gatk": Shape(
        "<NON_REF>", ",<NON_REF>", (".",), "END={end}",
        "GT:DP:GQ:MIN_DP:PL", "{gt}:{more}:{gq}:{dp}:0,{gq},900",
        "GT:AD:DP:GQ:PL:SB", "{gt}:{ad},0:{dp}:{gq}:{pl}:1,2,3,4",
    ),
    "deepvariant": Shape(
        "<*>", ",<*>", ("PASS", "RefCall", "LowQual"), "END={end}",
        "GT:GQ:MIN_DP:PL", "{gt}:{gq}:{dp}:0,{gq},900",
        "GT:GQ:DP:AD:VAF:PL", "{gt}:{gq}:{dp}:{ad},0:0.5:{pl}",
    ),
    "bcftools": Shape(
        ".", "", ("PASS", "LowQual"), "END={end};MinDP={dp}",
        "GT:DP", "{gt}:{more}",
        "GT:PL:DP:AD", "{gt}:{pl}:{dp}:{ad}",
    ),
    "freebayes": Shape(
        "<*>", "", (".",), "DP={more};END={end};MIN_DP={dp}",
        "GQ:DP:MIN_DP:QR:RO:QA:AO", "{gq}.5:{more}:{dp}:1:2:3:4",
        "GT:GQ:DP:AD:RO:QR:AO:QA:GL", "{gt}:{gq}.25:{dp}:{ad}:1:2:3:4:{gl}",
    ),
}  # fmt: skip

_HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=RefCall,Description="">
##FILTER=<ID=LowQual,Description="">
##INFO=<ID=END,Number=1,Type=Integer,Description="">
##INFO=<ID=MinDP,Number=1,Type=Integer,Description="">
##INFO=<ID=MIN_DP,Number=1,Type=Integer,Description="">
##INFO=<ID=DP,Number=1,Type=Integer,Description="">
##FORMAT=<ID=GT,Number=1,Type=String,Description="">
##FORMAT=<ID=GQ,Number=1,Type=Float,Description="">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="">
##FORMAT=<ID=GL,Number=G,Type=Float,Description="">
##FORMAT=<ID=SB,Number=4,Type=Integer,Description="">
##FORMAT=<ID=VAF,Number=.,Type=Float,Description="">
"""
_PLAIN = ("DP", "MIN_DP", "QR", "RO", "QA", "AO")
GENOTYPES = (
    "0/1", "1/1", "0|1", "1|0", "1|1", "1/2", "2|1", "0/2", "2/2", "./1", "1/.", "0/.",
    "./.", ".", "0/0", "0|0", "1", "2", "0",
)  # fmt: skip


def header(sample: str = "S") -> str:
    lines = [f'##FORMAT=<ID={n},Number=1,Type=Integer,Description="">\n' for n in _PLAIN]
    contigs = [f"##contig=<ID={n},length={size}>\n" for n, size in CONTIGS.items()]
    columns = "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".replace(" ", "\t")
    return _HEADER + "".join(lines) + "".join(contigs) + f"{columns}\t{sample}\n"


def reference(folder: Path) -> Path:
    """A FASTA with repeats, so that indels can be shifted."""
    chance = random.Random(11)
    text = ""
    for name, size in CONTIGS.items():
        sequence = ""
        while len(sequence) < size:
            unit = "".join(chance.choices("ACGT", k=chance.choice([1, 1, 2, 3, 6])))
            sequence += unit * chance.choice([1, 1, 1, 4, 7])
        text += f">{name}\n{sequence[:size]}\n"
    path = folder / "reference.fa"
    path.write_text(text)
    subprocess.run(["samtools", "faidx", str(path)], check=True)
    return path


def sequences(fasta: Path) -> dict[str, str]:
    lines = fasta.read_text().split()
    return dict(zip((name[1:] for name in lines[::2]), lines[1::2], strict=True))


def make(shape: Shape, fasta: Path, seed: int) -> str:
    """A gVCF of blocks and variants of every kind, some overlapping, on most contigs."""
    chance = random.Random(seed)
    sequence = sequences(fasta)
    lines: list[str] = []
    for contig in CALLED:
        at = chance.randrange(6)
        while at < CONTIGS[contig] - 20:
            if chance.random() < 0.5:
                size = chance.choice([1, 1, 2, 5, 9])
                lines.append(_block(chance, shape, contig, at, at + size, sequence[contig][at]))
                at += chance.choice([size, size, size + 3])
            else:
                line, size = _variant(chance, shape, contig, at, sequence[contig])
                lines.append(line)
                at += chance.choice([0, 1, size, size])
    numbered = (line.replace("\t.\t", f"\tr{n}\t", 1) for n, line in enumerate(lines))
    return header() + "".join(numbered)


def _values(chance: random.Random) -> dict[str, object]:
    dp = chance.choice([0, 4, 9, 10, 31])
    return {"dp": dp, "more": dp + 20, "gq": chance.choice([0, 7, 19, 20, 99])}


def _block(
    chance: random.Random, shape: Shape, contig: str, start: int, end: int, base: str
) -> str:
    values = {**_values(chance), "end": end, "gt": chance.choice(["0/0", "0/0", "./."])}
    fields = [
        contig, start + 1, ".", base, shape.block_alt, ".", shape.filters[0],
        shape.info.format(**values), shape.format, _cut(chance, shape.value.format(**values)),
    ]  # fmt: skip
    return "\t".join(map(str, fields)) + "\n"


def _variant(
    chance: random.Random, shape: Shape, contig: str, start: int, sequence: str
) -> tuple[str, int]:
    ref = sequence[start : start + chance.choice([1, 1, 1, 2, 4, 6])]
    choices = {base + ref[1:] for base in "ACGT"} | {
        ref[:1],
        ref + ref[-1],
        ref[0] + "CA" + ref[1:],
    }
    alts = chance.sample(sorted(choices - {ref}), chance.choice([1, 1, 2]))
    if chance.random() < 0.15:
        alts.append("*")
    count = len(alts)
    named = [gt for gt in GENOTYPES if all(int(n) <= count for n in re.findall("[0-9]", gt))]
    alleles = count + 1 + bool(shape.extra_alt)
    likelihoods = [chance.randrange(90) for _ in range(alleles * (alleles + 1) // 2)]
    values = {
        **_values(chance),
        "gt": chance.choice(named),
        "ad": ",".join(str(chance.randrange(40)) for _ in range(count + 1)),
        "pl": ",".join(map(str, likelihoods)),
        "gl": ",".join(f"-{each}" for each in likelihoods),
    }
    value = _cut(chance, shape.variant_value.format(**values))
    fields = [
        contig, start + 1, ".", ref, ",".join(alts) + shape.extra_alt, 50,
        chance.choice(shape.filters), ".", shape.variant_format, value,
    ]  # fmt: skip
    return "\t".join(map(str, fields)) + "\n", len(ref)


def _cut(chance: random.Random, value: str) -> str:
    """Now and then a number is missing, or the last values are left out, as VCF allows."""
    parts = value.split(":")
    if chance.random() < 0.2:
        at = chance.randrange(1, len(parts)) if len(parts) > 1 else 0
        if at:
            parts[at] = "."
    if chance.random() < 0.1:
        parts = parts[: max(1, len(parts) - chance.randrange(1, 4))]
    return ":".join(parts)


def bcftools(*arguments: str) -> list[list[str]]:
    """Lines that bcftools prints, as columns."""
    done = subprocess.run(["bcftools", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines() if not line.startswith("#")]
