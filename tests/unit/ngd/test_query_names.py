"""Names of variants: notations, aliases, rsIDs; one spelling, that of bcftools norm."""

from __future__ import annotations

import gzip
import random
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.fasta import Fasta, left_aligned
from wgs_pipeline.ngd.names import Naming, Region, Variant, read_aliases
from wgs_pipeline.ngd.reference import Reference

#: A repeat of CA from 6 to 11 (1-based), and runs of T at both ends.
SEQUENCE = "TTTTGCACACAGGTATTT"
CONTIGS = {"chr1": len(SEQUENCE), "HLA-A*01:01": 9}


def _fasta(folder: Path, sequences: dict[str, str]) -> Path:
    path = folder / "genome.fa"
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in sequences.items()))
    subprocess.run(["samtools", "faidx", str(path)], check=True)
    return path


@pytest.fixture
def naming(tmp_path: Path) -> Naming:
    reference = Reference.build(CONTIGS)
    path = _fasta(tmp_path, {"chr1": SEQUENCE, "HLA-A*01:01": "ACGTACGTA"})
    aliases = {"1": "chr1", "NC_000001.11": "chr1"}
    return Naming(reference, Fasta(path, CONTIGS), aliases)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chr1-5-G-A", ("chr1", 5, "G", "A")),
        ("chr1:5:G:A", ("chr1", 5, "G", "A")),
        ("chr1-5-g-a", ("chr1", 5, "G", "A")),
        ("1-5-G-A", ("chr1", 5, "G", "A")),
        ("NC_000001.11:4:G:A", ("chr1", 5, "G", "A")),
        ("spdi:chr1:4:G:A", ("chr1", 5, "G", "A")),
        ("NC_000001.11:4:1:A", ("chr1", 5, "G", "A")),
        ("HLA-A*01:01-2-C-T", ("HLA-A*01:01", 2, "C", "T")),
        ("HLA-A*01:01:2:C:T", ("HLA-A*01:01", 2, "C", "T")),
        ("chr1-10-CA-C", ("chr1", 10, "CA", "C")),
        # Any copy of CA deleted is the first one, with the base before it.
        ("chr1-9-ACA-A", ("chr1", 5, "GCA", "G")),
        ("NC_000001.11:9:CA:", ("chr1", 5, "GCA", "G")),
        ("NC_000001.11:9:2:", ("chr1", 5, "GCA", "G")),
        ("NC_000001.11:5:CACACA:CACA", ("chr1", 5, "GCA", "G")),
        ("NC_000001.11:11::CA", ("chr1", 5, "G", "GCA")),
        ("NC_000001.11:4:G:", ("chr1", 4, "TG", "T")),
        # The first base of a contig has none before it.
        ("NC_000001.11:0:T:", ("chr1", 1, "TT", "T")),
        ("NC_000001.11:0::G", ("chr1", 1, "T", "GT")),
        ("NC_000001.11:18::G", ("chr1", 18, "T", "TG")),
        ("chr1-4-TGC-TAC", ("chr1", 5, "G", "A")),
    ],
)  # fmt: skip
def test_notations(naming: Naming, text: str, expected: tuple[str, int, str, str]):
    assert naming.variants(text) == [Variant(*expected)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chr1-5-A-C", "REF is A, but the reference has G at chr1:5"),
        ("NC_000001.11:5:G:A", "REF is G, but the reference has C at chr1:6"),
        ("NC_000001.11:8:GG:", "the reference has AC at chr1:9-10"),
        ("chr1-5-G-G", "REF and ALT are the same"),
        ("chr1-18-TT-T", "lies outside chr1 of 18 bp"),
        ("NC_000001.11:18:1:A", "lies outside chr1"),
        ("NC_000001.11:3::", "deletes and inserts nothing"),
        ("NC_000002.12:4:G:A", "Give --aliases"),
        ("chr2-4-G-A", "contig 'chr2' is not in the reference"),
        ("rs12", "Give --rsids"),
        ("chr1:g.5G>A", "is no variant"),
        ("chr1-0-T-A", "lies outside"),
        ("", "is no variant"),
    ],
)  # fmt: skip
def test_what_is_no_variant_is_refused(naming: Naming, text: str, said: str):
    with pytest.raises(NgdError, match=said.replace(".", r"\.")):
        naming.variants(text)


def test_without_a_fasta_variants_are_trimmed_only():
    naming = Naming(Reference.build(CONTIGS))
    assert naming.variant("chr1-9-ACA-A") == Variant("chr1", 9, "ACA", "A")
    assert naming.variant("chr1-8-CACA-CA") == Variant("chr1", 8, "CAC", "C")
    with pytest.raises(NgdError, match="made without its FASTA"):
        naming.variant("spdi:chr1:9:CA:")


def test_ambiguous_bases_of_the_reference_fit_any_ref(tmp_path: Path):
    path = _fasta(tmp_path, {"c": "ACRTN"})
    naming = Naming(Reference.build({"c": 5}), Fasta(path, {"c": 5}))
    assert naming.variant("c-3-A-T").pos == 3
    assert naming.variant("c-5-G-T").pos == 5


def test_another_or_a_missing_fasta_is_said(tmp_path: Path):
    path = _fasta(tmp_path, {"c": "ACGTACGT"})
    with pytest.raises(NgdError, match="c has 8 bp; expected 9"):
        Naming(Reference.build({"c": 9}), Fasta(path, {"c": 9})).variant("c-1-A-T")
    gone = Naming(Reference.build({"c": 9}), Fasta(tmp_path / "gone.fa", {"c": 9}))
    assert gone.variant("c-1-A-T") == Variant("c", 1, "A", "T")
    with pytest.raises(NgdError, match="Put it back"):
        gone.variant("c-1-AC-A")


def test_spelling_is_that_of_bcftools_norm(tmp_path: Path):
    rng = random.Random(7)
    sequence = "".join(rng.choice("AC") for _ in range(120)) + "CACACACA" * 30
    path = _fasta(tmp_path, {"c": sequence})
    given, lines = [], []
    while len(given) < 400:
        start, size = rng.randrange(1, len(sequence) - 8), rng.randint(1, 6)
        ref = sequence[start : start + size]
        alt = "".join(rng.choice("AC") for _ in range(rng.randint(0, 5)))
        alt = ref[0] + alt if rng.random() < 0.8 else alt or "C"
        if alt != ref:
            lines.append(f"c\t{start + 1}\t{len(given)}\t{ref}\t{alt}\t.\t.\t.\n")
            given.append((start, ref, alt))
    header = f"##fileformat=VCFv4.2\n##contig=<ID=c,length={len(sequence)}>\n"
    header += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    done = subprocess.run(
        ["bcftools", "norm", "-f", str(path), "-"],
        input=header + "".join(lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split("\t") for line in done.stdout.splitlines() if line[0] != "#"]
    expected = {int(row[2]): (int(row[1]) - 1, row[3], row[4]) for row in rows}
    for number, variant in enumerate(given):
        found = left_aligned(*variant, lambda low, high: sequence[low:high])
        assert found == expected[number], variant


def test_aliases_come_from_any_table_of_names(tmp_path: Path):
    reference = Reference.build({"chr1": 10, "chr2": 10})
    table = tmp_path / "aliases.txt"
    table.write_text(
        "# ucsc\tensembl\trefseq\nchr1\t1\tNC_000001.11\tprimary\nchr2\t2\tNC_000002.12\tprimary\n"
        "chrUn_1\tUn\tNT_1.1\tprimary\n"
    )
    assert read_aliases(table, reference) == {
        "1": "chr1", "2": "chr2", "NC_000001.11": "chr1", "NC_000002.12": "chr2"
    }  # fmt: skip
    naming = Naming(reference, aliases=read_aliases(table, reference))
    assert naming.region("NC_000002.12:3-4") == Region("chr2", 2, 4)
    assert naming.region("2") == Region("chr2", 0, 10)
    table.write_text("a\tb\n")
    with pytest.raises(NgdError, match="no line names a contig"):
        read_aliases(table, reference)


def _tables(folder: Path) -> list[Path]:
    vcf = (
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        "NC_000001.11\t5\trs12\tG\tA,C,*\t.\t.\t.\n1\t9\trs120;rs7\tACA\tA\t.\t.\t.\n"
    )
    tsv = "rsid\tcontig\tpos\tref\talt\nrs12\t1\t5\tG\tA,C\nrs7\tchr1\t9\tACA\tA\n"
    paths = [folder / name for name in ("a.vcf", "a.vcf.gz", "a.tsv", "a.parquet")]
    paths[0].write_text(vcf)
    with gzip.open(paths[1], "wt") as file:
        file.write(vcf)
    paths[2].write_text(tsv)
    rows = {"rsid": [7, 12, 12], "contig": ["chr1"] * 3, "pos": [9, 5, 5],
            "ref": ["ACA", "G", "G"], "alt": ["A", "A", "C"]}  # fmt: skip
    pq.write_table(pa.table(rows), paths[3])
    return paths


def test_rsids_are_looked_up_in_every_form_of_table(tmp_path: Path, naming: Naming):
    for path in _tables(tmp_path):
        with_table = Naming(naming.reference, naming.fasta, naming.aliases, path)
        assert with_table.variants("rs12") == [
            Variant("chr1", 5, "G", "A"), Variant("chr1", 5, "G", "C")
        ]  # fmt: skip
        assert with_table.variants("RS7") == [Variant("chr1", 5, "GCA", "G")]
        with pytest.raises(NgdError, match="rs1 is not in"):
            with_table.variants("rs1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rsid\tcontig\nrs1\tc\n", "no column 'pos'"),
        ("rsid\tcontig\tpos\tref\talt\nrs1\n", ":2: 1 columns; expected 5"),
    ],
)  # fmt: skip
def test_a_malformed_table_of_rsids_is_named(tmp_path: Path, naming: Naming, text: str, said: str):
    table = tmp_path / "a.tsv"
    table.write_text(text)
    with pytest.raises(NgdError, match=said):
        Naming(naming.reference, rsids=table).variants("rs1")
