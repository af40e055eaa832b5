import subprocess

import pysam
import pytest

from wgs_pipeline.errors import GvcfError, WgsError
from wgs_pipeline.gvcf import bgzf, check_bgzf_eof, verify_coverage, write_blocks

#: Lower case and the code R (A or G) as real references have them.
SEQUENCES = {"chr1": "ACGTacgtNNRYACGTACGT", "chr2": "TTTTTGGGGG"}
CALLS = (
    b"chr1\t3\t.\tGTA\tG\t50\tPASS\t.\tGT:DP\t0/1:9\n"
    b"chr1\t5\t.\tA\tT\t50\tPASS\t.\tGT:DP\t0/1:9\n"
    b"chr1\t14\t.\tC\tT\t50\tPASS\t.\tGT:DP\t0/1:9\n"
)
DEPTH = (
    "chr1\t0\t1\t0:1\nchr1\t1\t8\t5:10\nchr1\t8\t12\t10:inf\nchr1\t12\t13\t1:5\n"
    "chr1\t13\t14\t5:10\nchr1\t14\t20\t0:1\nchr2\t0\t9\t1:5\nchr2\t9\t10\t0:1\n"
)
EXPECTED = [
    ("chr1", 1, 2, "C", 5),
    ("chr1", 5, 8, "C", 5),
    ("chr1", 8, 12, "N", 10),
    ("chr1", 12, 13, "A", 1),
    ("chr2", 0, 9, "T", 1),
]


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in SEQUENCES.items()))
    pysam.faidx(str(path))
    return path


@pytest.fixture
def depth(bed):
    return bed("depth.bed.gz", DEPTH)


@pytest.fixture
def last(bed):
    return bed("last.bed.gz", "chr1\t19\t20\t0.00\nchr2\t9\t10\t0.00\n")


def read_blocks(path):
    with pysam.VariantFile(str(path)) as file:
        for record in file:
            call = record.samples["S1"]
            assert record.alts == ("<*>",)
            assert call["GT"] == (0, 0)
            assert call["DP"] == call["MIN_DP"]
            yield record.chrom, record.start, record.stop, record.ref, call["DP"]


@pytest.mark.parametrize("chunk_bytes", [16, 40, 1 << 20])
def test_blocks(vcf, fasta, depth, last, tmp_path, monkeypatch, chunk_bytes):
    monkeypatch.setattr(bgzf, "CHUNK_BYTES", chunk_bytes)
    output = tmp_path / "blocks.vcf.gz"
    write_blocks(depth, last, vcf("calls.vcf.gz", CALLS), fasta, output)
    assert list(read_blocks(output)) == EXPECTED
    check_bgzf_eof(output)


def test_blocks_and_calls_cover_all_reads(vcf, fasta, depth, last, tmp_path):
    output, both = tmp_path / "blocks.vcf.gz", tmp_path / "both.vcf.gz"
    calls = vcf("calls.vcf.gz", CALLS)
    write_blocks(depth, last, calls, fasta, output)
    for path in (output, calls):
        pysam.tabix_index(str(path), preset="vcf")
    command = ["bcftools", "concat", "--allow-overlaps", "-Oz", "-o", both, output, calls]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "not defined in the header" not in done.stderr
    whole = tmp_path / "whole.bed"
    whole.write_text("chr1\t0\t20\nchr2\t0\t10\n")
    assert verify_coverage(both, depth, last, whole) == 13 + 9


def test_no_depth(vcf, bed, last, fasta, tmp_path):
    depth = bed("depth.bed.gz", "chr1\t0\t20\t0:1\nchr2\t0\t10\t0:1\n")
    output = tmp_path / "blocks.vcf.gz"
    write_blocks(depth, last, vcf("calls.vcf.gz", b""), fasta, output)
    assert list(read_blocks(output)) == []


def test_faults(vcf, bed, fasta, depth, last, tmp_path):
    output = tmp_path / "blocks.vcf.gz"
    calls = vcf("calls.vcf.gz", CALLS)
    strange = bed("strange.bed.gz", "chr7\t0\t20\t1:5\n")
    with pytest.raises(GvcfError, match="chr7 is no contig of the last bases"):
        write_blocks(strange, last, calls, fasta, output)
    other = bed("other.bed.gz", "chr7\t19\t20\t1.00\n")
    with pytest.raises(GvcfError, match="contig chr7 is not in"):
        write_blocks(strange, other, calls, fasta, output)
    with pytest.raises(GvcfError, match=r"none\.vcf\.gz: cannot be read"):
        write_blocks(depth, last, tmp_path / "none.vcf.gz", fasta, output)
    fasta.with_name("genome.fa.fai").unlink()
    with pytest.raises(WgsError, match=r"genome.fa.fai: not found"):
        write_blocks(depth, last, calls, fasta, output)
    assert not output.exists()
    assert not list(tmp_path.glob(".*.tmp"))
    assert not fasta.with_name("genome.fa.fai").exists()


def test_genotypes_have_the_ploidy_of_the_sample(vcf, fasta, depth, last, tmp_path):
    """A block ends where the ploidy changes; without a copy there is no genotype."""
    ploidy, output = tmp_path / "S1.bed", tmp_path / "blocks.vcf.gz"
    ploidy.write_text("chr1\t0\t6\tS1\t1\nchr1\t8\t12\tS1\t3\nchr2\t4\t20\tS1\t0\n")
    write_blocks(depth, last, vcf("calls.vcf.gz", CALLS), fasta, output, ploidy)
    rows = subprocess.run(
        ["bcftools", "query", "-f", "%CHROM\t%POS0\t%END\t[%GT\t%DP]\n", output],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert rows == [
        "chr1\t1\t2\t0\t5",
        "chr1\t5\t6\t0\t5",
        "chr1\t6\t8\t0/0\t5",
        "chr1\t8\t12\t0/0/0\t10",
        "chr1\t12\t13\t0/0\t1",
        "chr2\t0\t4\t0/0\t1",
        "chr2\t4\t9\t.\t1",
    ]


def test_the_last_base_of_a_contig(vcf, bed, fasta, tmp_path):
    """mosdepth gives it the band of the base before it; its block has its own depth."""
    depth = bed("depth.bed.gz", "chr1\t0\t19\t0:1\nchr1\t19\t20\t0:1\nchr2\t0\t10\t5:10\n")
    last = bed("last.bed.gz", "chr1\t19\t20\t3.00\nchr2\t9\t10\t2.00\n")
    output = tmp_path / "blocks.vcf.gz"
    write_blocks(depth, last, vcf("calls.vcf.gz", b""), fasta, output)
    assert list(read_blocks(output)) == [
        ("chr1", 19, 20, "T", 3), ("chr2", 0, 9, "T", 5), ("chr2", 9, 10, "G", 2),
    ]  # fmt: skip
    last = bed("last.bed.gz", "chr1\t19\t20\t0.00\nchr2\t9\t10\t0.00\n")
    write_blocks(depth, last, vcf("calls.vcf.gz", b""), fasta, output)
    assert list(read_blocks(output)) == [("chr2", 0, 9, "T", 5)]
