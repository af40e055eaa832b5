"""Random gVCFs on a genome that is mostly empty, with windows where everything happens.

chr2 and chrX are longer than a bin of the index (1,000,000 bp), with windows around its border and
around that of the row groups of count arrays (65,536 bp); the second PAR lies across the border.
"""

from __future__ import annotations

from random import Random

CONTIGS = {"chr1": 60, "chr2": 1_000_030, "chrX": 1_000_060, "chrY": 40, "chrM": 20}
WINDOWS = {
    "chr1": [(0, 60)],
    "chr2": [(0, 9), (65_528, 65_546), (999_985, 1_000_030)],
    "chrX": [(0, 35), (999_985, 1_000_060)],
    "chrY": [(0, 40)],
    "chrM": [(0, 20)],
}
PAR = {"chrX": [(0, 20), (999_992, 1_000_012)], "chrY": [(0, 10), (32, 40)]}
TARGETS = {
    "exome": {
        "chr1": [(5, 30), (40, 50)],
        "chr2": [(999_990, 1_000_004)],
        "chrX": [(15, 25), (999_000, 1_000_000), (1_000_008, 1_000_030)],
        "chrY": [(5, 20)],
    },
    "panel": {"chr1": [(10, 20)], "chrX": [(999_999, 1_000_020)], "chrM": [(3, 9)]},
}
_SEQUENCE = "ACGTACCCGTTTTACGATAGACCAGATTACAGGGACTTACGATCAGGATACCATTAGACCA"


def gvcf_lines(rng: Random) -> list[str]:
    """Records along some contigs: blocks and variants, some overlapping, some missing."""
    chosen = rng.sample(list(CONTIGS), rng.randint(1, len(CONTIGS)))
    lines = [
        line
        for contig in CONTIGS
        if contig in chosen
        for window in WINDOWS[contig]
        for line in _records(rng, contig, *window)
    ]
    return lines or ["chr1 1 A <*> . END=9 GT:GQ:MIN_DP 0/0:50:30"]


def ref_base(base: int) -> str:
    """The reference, the same on every contig."""
    return _SEQUENCE[base % len(_SEQUENCE)]


def _records(rng: Random, contig: str, start: int, end: int) -> list[str]:
    lines = []
    at = start + rng.randint(0, 4)
    if start == 0 and rng.random() < 0.1 and CONTIGS[contig] > 1_000_000:
        whole = rng.choice([999_999, 1_000_000, 1_000_010])  # over a bin, and more
        return [f"{contig} 3 {ref_base(2)} <*> . END={whole} GT:GQ:MIN_DP 0/0:50:30"]
    while at < end - 8:
        shape = rng.random()
        if shape < 0.4:
            size = rng.choice([1, 2, 5, 9, 30])
            lines.append(_block(rng, contig, at, min(at + size, end)))
            at += size
        elif shape < 0.9:
            line, size = _variant(rng, contig, at)
            lines.append(line)
            at += rng.choice([0, 1, size, size])
        else:
            at += rng.randint(1, 5)
    return lines


def _block(rng: Random, contig: str, start: int, end: int) -> str:
    dp = rng.choice([3, 10, 30, 30])
    ref = ref_base(start)
    head = f"{contig} {start + 1} {ref}"
    form = rng.randint(0, 3)
    if form == 0:
        gt = rng.choice(["0/0", "0/0", "0", "./."])
        gq = rng.choice(["5", "20", "99", "."])
        return f"{head} <NON_REF> . END={end} GT:DP:GQ:MIN_DP {gt}:40:{gq}:{dp}"
    if form == 1:
        return f"{head} . . END={end};MinDP={dp} GT:DP 0/0:{dp}"
    if form == 2:
        return f"{head} <*> PASS DP=9;END={end} GQ:DP:MIN_DP 500.5:9:{dp}"
    return f"{head} <*> . END={end} GT:GQ:MIN_DP:PL 0/0:50:{dp}:0,50,500"


def _variant(rng: Random, contig: str, start: int) -> tuple[str, int]:
    size = rng.choice([1, 1, 1, 2, 4])
    ref = "".join(ref_base(at) for at in range(start, start + size))
    options = [base for base in "ACGT" if base != ref] + [ref[0] + "GG", ref[:1] + "T" + ref[1:]]
    options += [ref[:1]] if size > 1 else []
    options = [each for each in dict.fromkeys(options) if each != ref]
    alts = rng.sample(options, rng.choice([1, 1, 2]))
    alts += rng.choice([[], [], ["<NON_REF>"], ["*"]])
    top = len(alts)
    texts = ["0/1", "1|1", "0|1", "1", "./1", "0/0", "./.", "1/1/1", f"1/{top}", f"{top}/{top}"]
    gt = rng.choice(["0/1", "1/1", *texts])
    dp = rng.choice([4, 10, 25, 25])
    gq = rng.choice([3, 20, 60])
    filter_ = rng.choice([".", "PASS", "PASS", "LowQual"])
    format_, value = rng.choice(
        [
            ("GT:AD:DP:GQ", f"{gt}:{','.join(['7'] * (top + 1))}:{dp}:{gq}"),
            ("GQ:DP:GT:AD", f"{gq}:{dp}:{gt}"),
            ("GT:PL:DP", f"{gt}:0,{gq},900:{dp}"),
            ("DP:GT:GQ:PL", f"{dp}:{gt}"),
        ]
    )
    return f"{contig} {start + 1} {ref} {','.join(alts)} {filter_} . {format_} {value}", size
