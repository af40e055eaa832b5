import gzip
from pathlib import Path

import pysam
import pytest

from wgs_pipeline.errors import GvcfError, ProblemsError
from wgs_pipeline.gvcf import bgzf, verify_coverage

CHROM_1 = (
    b"chr1\t11\t.\tA\t.\t.\tPASS\tEND=20\tGT:DP\t0/0:9\n",
    b"chr1\t21\t.\tCAT\tC\t50\tPASS\t.\tGT:DP\t0/1:9\n",
    b"chr1\t24\t.\tA\t.\t.\tPASS\tEND=40\tGT:DP\t0/0:7\n",
    b"chr1\t61\t.\tA\t.\t.\tPASS\tEND=70\tGT:DP\t0/0:7\n",
)
CHROM_2 = (b"chr2\t1\t.\tA\t.\t.\tPASS\tEND=5\tGT:DP\t0/0:1\n",)
DEPTH = (
    "chr1\t0\t10\t0:1\nchr1\t10\t30\t5:10\nchr1\t30\t40\t1:5\nchr1\t40\t60\t0:1\n"
    "chr1\t60\t70\t30:inf\nchr1\t70\t1000\t0:1\nchr2\t0\t5\t1:5\nchr2\t5\t1000\t0:1\n"
)


@pytest.fixture
def bed(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.fixture
def whole(bed):
    return bed("whole.bed", "chr1\t0\t1000\nchr2\t0\t1000\n")


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_complete(vcf, bed, whole, monkeypatch, chunk_bytes):
    monkeypatch.setattr(bgzf, "CHUNK_BYTES", chunk_bytes)
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1 + CHROM_2))
    assert verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), whole) == 10 + 3 + 17 + 10 + 5


@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        (CHROM_1[1:] + CHROM_2, "chr1:11"),
        (CHROM_1[:1] + CHROM_1[2:] + CHROM_2, "chr1:21"),
        (CHROM_1[:2] + CHROM_1[3:] + CHROM_2, "chr1:24"),
        (CHROM_1[:3] + CHROM_2, "chr1:61"),
        (CHROM_1, "chr2:1"),
        (CHROM_1[:3], "chr1:61"),
        ((), "chr1:11"),
        ((*CHROM_1, CHROM_2[0].replace(b"END=5", b"END=4")), "chr2:5"),
    ],
)
def test_a_record_or_the_tail_is_missing(vcf, bed, whole, kept, missing):
    gvcf = vcf("all.g.vcf.gz", b"".join(kept))
    with pytest.raises(GvcfError, match=f"{missing} has reads but lies in no record"):
        verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), whole)


def test_what_to_remove_is_named(vcf, bed, whole):
    gvcf = vcf("all.g.vcf.gz", b"")
    with pytest.raises(GvcfError, match=r"remove \S+/all\.g\.vcf\.gz and call"):
        verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), whole)
    with pytest.raises(GvcfError, match="remove gvcf/pieces/S1 and call"):
        verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), whole, pieces=Path("gvcf/pieces/S1"))


def test_bases_outside_the_called_intervals_need_no_record(vcf, bed):
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1))
    called = bed("called.bed", "chr1\t5\t1000\n")
    assert verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), called) == 40
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1[:3] + CHROM_2))
    called = bed("called.bed", "chr1\t0\t60\nchr1\t70\t80\nchr2\t0\t3\n")
    assert verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), called) == 35


def test_what_a_sample_has_no_copy_of_needs_no_record(vcf, bed, whole):
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1))
    depth = bed("depth.bed.gz", DEPTH)
    with pytest.raises(GvcfError, match="chr2:"):
        verify_coverage(gvcf, depth, whole)
    ploidy = bed("ploidy.bed", "chr1\t0\t5\tS1\t1\nchr2\t0\t1000\tS1\t0\n")
    assert verify_coverage(gvcf, depth, whole, ploidy) == 40


def test_no_reads_at_all(vcf, bed, whole):
    gvcf = vcf("all.g.vcf.gz", b"")
    assert verify_coverage(gvcf, bed("depth.bed.gz", "chr1\t0\t1000\t0:1\n"), whole) == 0
    assert verify_coverage(gvcf, bed("depth.bed.gz", ""), whole) == 0


def test_broken_inputs(vcf, bed, whole, tmp_path):
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1 + CHROM_2))
    depth = bed("depth.bed.gz", DEPTH)

    def refused(*arguments):
        with pytest.raises(GvcfError) as error:
            verify_coverage(*arguments)
        return str(error.value)

    cut = tmp_path / "cut.bed.gz"
    cut.write_bytes(depth.read_bytes()[:-12])
    assert f"{cut}: the gzip stream is broken" in refused(gvcf, cut, whole)
    for text in (DEPTH.replace("5:10", "deep"), DEPTH.replace("10\t30", "ten\t30"), "chr1\t1\n"):
        bad = bed("bad.bed.gz", text)
        assert f"{bad}: is not a table of intervals" in refused(gvcf, bad, whole)
    assert "cannot be read" in refused(gvcf, tmp_path / "none.bed.gz", whole)
    assert f"{tmp_path / 'none.vcf'}: " in refused(tmp_path / "none.vcf", depth, whole)
    with pytest.raises(ProblemsError, match=r"called\.bed:2"):
        verify_coverage(gvcf, depth, bed("called.bed", "chr1\t0\t9\nchr1\n"))
    whole_text = gzip.decompress(gvcf.read_bytes())
    with pysam.BGZFile(str(gvcf), "wb") as file:
        file.write(whole_text[:-20])
    assert f"{gvcf}: " in refused(gvcf, depth, whole)
