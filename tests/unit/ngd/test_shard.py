"""gVCF to genome shard: every caller's dialect, every refusal, against brute force."""

from __future__ import annotations

import gzip
import random
import re
import subprocess
from pathlib import Path

import ngd_oracle as oracle
import numpy as np
import pytest
from ngd_builders import CONTIGS, PAR, header, make_database, unlocked, write_gvcf

from wgs_pipeline.errors import GvcfError, NgdError
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import (
    Analysis,
    problems,
    read_callable,
    read_description,
    read_variants,
)
from wgs_pipeline.ngd.shard_writer import write_shard

REAL = Path(__file__).parents[4] / "shared/data/gvcf-na12878-chr20"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return unlocked(make_database(tmp_path))


def _load(root: Root, lines: list[str], karyotype: str = "XX") -> tuple[set[tuple], dict]:
    """(callable 0-based bases, passed calls) of a gVCF."""
    gvcf = write_gvcf(root.path.parent / "s.g.vcf", "S", lines)
    digest = write_shard(root, gvcf, "S", Analysis(karyotype))
    return _content(root, digest)


def _content(root: Root, digest: str) -> tuple[set[tuple], dict]:
    bases = {
        (row["contig"], base)
        for row in read_callable(root, digest).to_pylist()
        for base in range(row["start"], row["end"])
    }
    calls = {
        (row["contig"], row["pos"], row["ref"], row["alt"]): (row["kind"], row["gt"])
        for row in read_variants(root, digest).to_pylist()
        if row["passed"]
    }
    return bases, calls


DIALECTS = {
    "gatk": [
        "chr1 1 A <NON_REF> . END=10 GT:DP:GQ:MIN_DP:PL 0/0:40:50:30:0,50,500",
        "chr1 11 A G,<NON_REF> . DP=30 GT:AD:DP:GQ:PL 0/1:15,15,0:30:99:500,0,500,600,600,700",
        "chr1 12 A <NON_REF> . END=14 GT:DP:GQ:MIN_DP:PL 0/0:40:19:30:0,19,500",
        "chr1 15 A <NON_REF> . END=20 GT:DP:GQ:MIN_DP:PL 0/0:40:50:9:0,50,500",
    ],
    "bcftools": [
        "chr1 1 A . . END=10;MinDP=12 GT:DP 0/0:12",
        "chr1 11 A G . DP=30;MQ=60 GT:PL:DP:AD 0/1:500,0,500:30:15,15",
        "chr1 12 A . . END=14;MinDP=3 GT:DP ./.:0",
        "chr1 15 A . . MinDP=5 GT:DP 0/0:12",
    ],
    "freebayes": [
        "chr1 1 A <*> . DP=40;END=10;MIN_DP=30 GQ:DP:MIN_DP:QR:RO:QA:AO 52994:40:30:1:1:0:0",
        "chr1 11 A G . DP=30;TYPE=snp GT:GQ:DP:AD:RO:QR:AO:QA:GL 0/1:150.9:30:15,15:0:0:0:0:0,0,0",
        "chr1 12 A <*> . DP=0;END=14;MIN_DP=0 GQ:DP:MIN_DP:QR:RO:QA:AO -0:0:0:0:0:0:0",
    ],
    "deepvariant": [
        "chr1 1 A <*> . END=10 GT:GQ:MIN_DP:PL 0/0:50:30:0,50,500",
        "chr1 11 A G,<*> PASS . GT:GQ:DP:AD:VAF:PL 0/1:50:30:15,15,0:0.5,0:50,0,60,990,990,990",
        "chr1 12 A <*> . END=13 GT:GQ:MIN_DP:PL ./.:0:30:0,0,0",
        "chr1 14 A T,<*> RefCall . GT:GQ:DP:AD:VAF:PL 0/0:50:30:25,5,0:0.1,0:0,50,60,99,99,99",
    ],
}


@pytest.mark.parametrize("caller", DIALECTS)
def test_every_callers_blocks_and_calls_are_read(root: Root, caller: str):
    bases, calls = _load(root, DIALECTS[caller])
    assert bases == {("chr1", base) for base in range(11)}
    assert calls == {("chr1", 11, "A", "G"): (1, "0/1")}


CASES = {
    "multi-allelic": ("chr1 5 A G,T . . GT:DP:GQ 1|2:30:50", {"G": (1, "1|0"), "T": (1, "0|1")}),
    "star is no variant": ("chr1 5 A G,* . . GT:DP:GQ 1/2:30:50", {"G": (1, "1/0")}),
    "NON_REF is no variant": ("chr1 5 A <NON_REF> . . GT:DP:GQ 0/1:30:50", {}),
    "symbolic": ("chr1 5 A <DEL> . END=9 GT:DP:GQ 0/1:30:50", {}),
    "lower case": ("chr1 5 a g . . GT:DP:GQ 1/1:30:50", {"G": (2, "1/1")}),
    "trailing fields dropped": ("chr1 5 A G . . DP:GT:GQ:AD 30:1/1", {"G": (2, "1/1")}),
    "GQ from PL": ("chr1 5 A G . . GT:DP:PL 1/1:30:90,20,0", {"G": (2, "1/1")}),
    "PL too low": ("chr1 5 A G . . GT:DP:PL 1/1:30:90,19,0", None),
    "PL partly missing": ("chr1 5 A G . . GT:DP:PL 1/1:30:90,.,0", {"G": (2, "1/1")}),
    "no quality at all": ("chr1 5 A G . . GT:DP 1/1:30", {"G": (2, "1/1")}),
    "GQ is a fraction": ("chr1 5 A G . . GT:DP:GQ 1/1:30:19.99", None),
    "half call": ("chr1 5 A G . . GT:DP:GQ ./1:30:50", None),
    "half call, REF first": ("chr1 5 A G . . GT:DP:GQ 0/.:30:50", None),
    "no call": ("chr1 5 A G . . GT:DP:GQ ./.:30:50", None),
    "no DP": ("chr1 5 A G . . GT:GQ 1/1:50", None),
    "no GT in a variant": ("chr1 5 A G . . DP:GQ 30:50", None),
    "low DP": ("chr1 5 A G . . GT:DP:GQ 1/1:9:50", None),
    "filtered": ("chr1 5 A G q10 . GT:DP:GQ 1/1:30:50", None),
    "haploid where two are expected": ("chr1 5 A G . . GT:DP:GQ 1:30:50", None),
    "triploid": ("chr1 5 A G . . GT:DP:GQ 0/1/1:30:50", None),
    "hom-ref": ("chr1 5 A G . . GT:DP:GQ 0/0:30:50", {}),
    "quote in INFO": ('chr1 5 A G . X="q GT:DP:GQ 0/1:30:50', {"G": (1, "0/1")}),
    "LEND is not END": ("chr1 5 A <*> . LEND=50;BEND=60 GT:DP:GQ 0/0:30:50", {}),
}


@pytest.mark.parametrize("case", CASES)
def test_one_record(root: Root, case: str):
    line, expected = CASES[case]
    bases, calls = _load(root, [line])
    wanted = {("chr1", 5, "A", alt): each for alt, each in (expected or {}).items()}
    assert calls == wanted
    size = 5 if case == "symbolic" else 1
    assert bases == (
        {("chr1", base) for base in range(4, 4 + size)} if expected is not None else set()
    )


SEX_CASES = [
    ("XY", "chrX 30", "1", 3), ("XY", "chrX 30", "1/1", 3), ("XY", "chrX 30", "0/1", None),
    ("XY", "chrX 20", "0/1", 1), ("XY", "chrX 21", "0/1", None), ("XX", "chrX 30", "0/1", 1),
    ("XY", "chrY 30", "1", 3), ("XY", "chrY 30", "0/1", None), ("XY", "chrY 5", "1/1", None),
    ("XX", "chrY 30", "1", None), ("unknown", "chrX 30", "1/1", None), ("XX", "chrM 5", "1", 3),
    ("XY", "chrM 5", "1/1", 3), ("XX", "chrM 5", "0/1", None), ("XX", "chr1 5", "1/1", 2),
]  # fmt: skip


@pytest.mark.parametrize(("karyotype", "site", "genotype", "kind"), SEX_CASES)
def test_ploidy_by_sex(root: Root, karyotype: str, site: str, genotype: str, kind: int | None):
    _, calls = _load(root, [f"{site} A G . . GT:DP:GQ {genotype}:30:50"], karyotype)
    assert [each[0] for each in calls.values()] == ([] if kind is None else [kind])


def test_a_base_is_callable_only_if_every_record_over_it_passed(root: Root):
    bases, calls = _load(
        root,
        [
            "chr1 5 ACG A . . GT:DP:GQ 0/1:30:50",
            "chr1 6 C . . MinDP=3 GT:DP 0/0:3",
            "chr1 8 A G . . GT:DP:GQ 0/1:30:50",
            "chr1 8 A AT . . GT:DP:GQ 0/1:30:5",
        ],
    )
    assert bases == {("chr1", 4), ("chr1", 6)}
    assert set(calls) == {("chr1", 5, "ACG", "A")}


def test_an_allele_named_twice_counts_once_with_its_highest_copy_number(root: Root):
    _, calls = _load(
        root,
        ["chr1 5 AC AG . . GT:DP:GQ 0/1:30:50", "chr1 6 C G . . GT:DP:GQ 1/1:30:50"],
    )
    assert calls == {("chr1", 6, "C", "G"): (2, "1/1")}


MALFORMED = {
    "chr1 5 A G . . GT:DP:GQ 0/7:30:50": "GT names an allele",
    "chr1 5 A G . . GT:DP:GQ 0-1:30:50": "GT that is no genotype",
    "chr1 5 A G . . GT:DP:GQ 0/1:many:50": "DP is no number",
    "chr1 5 A G . . GT:DP 0/1:30:50": "more sample fields",
    "chr1 5 A A . . GT:DP 0/1:30": "ALT is the same as REF",
    "chr1 0 A G . . GT:DP 0/1:30": "POS is 0",
    "chr1 x A G . . GT:DP 0/1:30": "POS is no position",
    "chr1 5 A1 G . . GT:DP 0/1:30": "REF is no sequence",
    "chr1 5 A <*> . END=2 GT:DP 0/0:30": "END lies before POS",
    "chr1 5 A <*> . END=x GT:DP 0/0:30": "END is no number",
    "chr1 5 A <*> . END=99 GT:DP 0/0:30": "ends beyond its contig",
    "chr1 2 A G . . GT:DP 0/1:30": "before the one above",
    "chr9 5 A G . . GT:DP 0/1:30": "contig chr9",
    "chr1 5 A G . . GT:DP": "9 columns",
}


@pytest.mark.parametrize("line", MALFORMED)
def test_a_malformed_record_is_named_and_nothing_is_left(root: Root, line: str):
    first = "\t".join(["chr1", "4", ".", "C", "T", ".", ".", ".", "GT:DP", "0/1:30"])
    fields = line.split(" ")
    bad = "\t".join([*fields[:2], ".", *fields[2:4], ".", *fields[4:]])
    gvcf = root.path.parent / "s.g.vcf"
    gvcf.write_text(header("S") + first + "\n" + bad + "\n")
    number = header("S").count("\n") + 2
    with pytest.raises(GvcfError, match=re.escape(MALFORMED[line])) as error:
        write_shard(root, gvcf, "S", Analysis("XX"))
    assert f"s.g.vcf:{number}: " in str(error.value)
    assert not list((root.path / "shards").iterdir())


def test_a_gvcf_of_another_sample_is_refused(root: Root):
    gvcf = write_gvcf(root.path.parent / "s.g.vcf", "OTHER", DIALECTS["gatk"])
    with pytest.raises(GvcfError, match="sample 'OTHER'; expected 'S'"):
        write_shard(root, gvcf, "S", Analysis("XX"))


def test_a_gvcf_of_another_reference_is_refused(root: Root):
    gvcf = write_gvcf(root.path.parent / "s.g.vcf", "S", DIALECTS["gatk"], {**CONTIGS, "chr1": 61})
    with pytest.raises(GvcfError, match="contig chr1 of 61 bp"):
        write_shard(root, gvcf, "S", Analysis("XX"))


def test_a_contig_that_the_reference_lacks_is_no_matter_until_it_has_records(root: Root):
    contigs = {**CONTIGS, "decoy": 9}
    gvcf = write_gvcf(root.path.parent / "s.g.vcf", "S", DIALECTS["gatk"], contigs)
    write_shard(root, gvcf, "S", Analysis("XX"))
    lines = [*DIALECTS["gatk"], "decoy 1 A G . . GT:DP:GQ 0/1:30:50"]
    gvcf = write_gvcf(root.path.parent / "s.g.vcf", "S", lines, contigs)
    with pytest.raises(GvcfError, match="contig decoy; expected a contig of the reference"):
        write_shard(root, gvcf, "S", Analysis("XX"))


def test_compressed_text_is_the_same_shard_and_damage_is_refused(root: Root):
    gvcf = write_gvcf(root.path.parent / "s.g.vcf", "S", DIALECTS["gatk"])
    plain = write_shard(root, gvcf, "S", Analysis("XX"))
    subprocess.run(["bgzip", "-k", str(gvcf)], check=True)
    packed = gvcf.with_name("s.g.vcf.gz")
    assert write_shard(root, packed, "S", Analysis("XX")) == plain
    whole = packed.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    for content in (whole[:-28], whole[: len(whole) // 2], bytes(damaged)):
        packed.write_bytes(content)
        with pytest.raises(GvcfError, match=r"truncated"):
            write_shard(root, packed, "S", Analysis("XX"))
    packed.write_bytes(gzip.compress(gvcf.read_bytes())[:-6])
    with pytest.raises(GvcfError, match="truncated"):
        write_shard(root, packed, "S", Analysis("XX"))
    gvcf.write_bytes(gvcf.read_bytes()[:-3])
    with pytest.raises(GvcfError, match="the last line has no end"):
        write_shard(root, gvcf, "S", Analysis("XX"))


@pytest.mark.parametrize("text", ["", "hello\n", header("S"), header("S\tT")])
def test_what_is_no_gvcf_is_refused(root: Root, text: str):
    gvcf = root.path.parent / "s.g.vcf"
    gvcf.write_text(text)
    with pytest.raises(GvcfError):
        write_shard(root, gvcf, "S", Analysis("XX"))


def test_a_shard_describes_itself_and_its_damage_is_found(root: Root):
    gvcf = write_gvcf(root.path.parent / "s.g.vcf", "S", DIALECTS["gatk"])
    digest = write_shard(root, gvcf, "S", Analysis("XX"))
    said = read_description(root, digest)
    assert (said["variants"], said["callable_bp"], said["min_dp"]) == (1, 11, 10)
    assert said["digest"] == digest
    assert problems(root, digest) == []
    file = root.shard(digest) / "variants.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(bytes(content))
    assert "bytes have changed" in problems(root, digest)[0]


def test_normalisation_is_that_of_bcftools_norm(tmp_path: Path):
    randomness = random.Random(7)
    sequence = "".join(randomness.choice("AACG") for _ in range(300)) + "CACACACACA" + "T" * 90
    fasta = tmp_path / "r.fa"
    fasta.write_text(f">chr1\n{sequence}\n")
    subprocess.run(["samtools", "faidx", str(fasta)], check=True)
    root = unlocked(make_database(tmp_path, {"chr1": len(sequence)}))
    lines = []
    for start in range(5, 380, 6):
        ref = sequence[start : start + randomness.randint(1, 4)]
        alts = {ref[0] + randomness.choice(["", "A", "CA", "TT"]) + ref[1:], ref[:1], ref + ref[-1]}
        alts = sorted(alts - {ref})[:2]
        gt = "1/2" if len(alts) == 2 else "0/1"
        lines.append(f"chr1 {start + 1} {ref} {','.join(alts)} . . GT:DP:GQ {gt}:30:50")
    gvcf = write_gvcf(tmp_path / "s.g.vcf", "S", lines, {"chr1": len(sequence)})
    digest = write_shard(root, gvcf, "S", Analysis("XX"), None, fasta)
    rows = read_variants(root, digest).to_pylist()
    command = ["bcftools", "norm", "-m-any", "-f", str(fasta), str(gvcf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    norm = done.stdout
    expected = {
        (int(pos), ref, alt)
        for _, pos, _, ref, alt, *_ in (
            line.split("\t") for line in norm.splitlines() if not line.startswith("#")
        )
    }
    assert {(row["pos"], row["ref"], row["alt"]) for row in rows} == expected
    assert len(expected) > 60


def test_a_reference_that_does_not_fit_is_refused(tmp_path: Path):
    fasta = tmp_path / "r.fa"
    fasta.write_text(">chr1\n" + "A" * 60 + "\n")
    subprocess.run(["samtools", "faidx", str(fasta)], check=True)
    root = unlocked(make_database(tmp_path, {"chr1": 60}))
    gvcf = write_gvcf(
        tmp_path / "s.g.vcf", "S", ["chr1 5 CC C . . GT:DP:GQ 0/1:30:50"], {"chr1": 60}
    )
    with pytest.raises(GvcfError, match="do not fit"):
        write_shard(root, gvcf, "S", Analysis("XX"), None, fasta)
    (tmp_path / "r.fa.fai").unlink()
    with pytest.raises(NgdError, match="no index"):
        write_shard(root, gvcf, "S", Analysis("XX"), None, fasta)


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/gvcf-na12878-chr20")
def test_a_real_gatk_gvcf_equals_brute_force_at_every_base(tmp_path: Path):
    gvcf = next(REAL.glob("*.g.vcf.gz"))
    contigs, lines = {}, []
    with gzip.open(gvcf, "rt") as file:
        for line in file:
            if found := re.match(r"##contig=<ID=([^,]+),.*length=([0-9]+)", line):
                contigs[found[1]] = int(found[2])
            elif not line.startswith("#"):
                chrom, pos, _, ref, alt, _, filter_, info, format_, value = line.split()
                lines.append(f"{chrom} {pos} {ref} {alt} {filter_} {info} {format_} {value}")
    contigs = contigs or {"20": 63_025_520}
    root = unlocked(make_database(tmp_path, contigs))
    digest = write_shard(root, gvcf, "NA12878", Analysis("XX"))
    genome = oracle.read_genome(lines, "XX", PAR)
    bases = np.zeros(1_100_000, bool)
    for row in read_callable(root, digest).to_pylist():
        bases[row["start"] : row["end"]] = True
    expected = np.zeros(1_100_000, bool)
    expected[sorted(genome.callable["20"])] = True
    assert np.array_equal(bases, expected)
    _, calls = _content(root, digest)
    kinds = {"het": 1, "hom": 2, "hemi": 3}
    assert {key: kind for key, (kind, _) in calls.items()} == {
        key: kinds[kind] for key, kind in genome.calls.items()
    }
    assert len(calls) > 1_000
