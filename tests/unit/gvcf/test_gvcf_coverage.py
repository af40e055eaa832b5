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
def last(bed):
    return bed("last.bed.gz", "chr1\t999\t1000\t0.00\nchr2\t999\t1000\t0.00\n")


@pytest.fixture
def whole(bed):
    return bed("whole.bed", "chr1\t0\t1000\nchr2\t0\t1000\n")


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_complete(vcf, bed, last, whole, monkeypatch, chunk_bytes):
    monkeypatch.setattr(bgzf, "CHUNK_BYTES", chunk_bytes)
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1 + CHROM_2))
    assert verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), last, whole) == 10 + 3 + 17 + 10 + 5


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
def test_a_record_or_the_tail_is_missing(vcf, bed, last, whole, kept, missing):
    gvcf = vcf("all.g.vcf.gz", b"".join(kept))
    with pytest.raises(GvcfError, match=f"{missing} has reads but lies in no record"):
        verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), last, whole)


def test_what_to_remove_is_named(vcf, bed, last, whole):
    gvcf = vcf("all.g.vcf.gz", b"")
    with pytest.raises(GvcfError, match=r"remove \S+/all\.g\.vcf\.gz and call"):
        verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), last, whole)
    with pytest.raises(GvcfError, match="remove gvcf/pieces/S1 and call"):
        verify_coverage(
            gvcf, bed("depth.bed.gz", DEPTH), last, whole, pieces=Path("gvcf/pieces/S1")
        )


def test_bases_outside_the_called_intervals_need_no_record(vcf, bed, last):
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1))
    called = bed("called.bed", "chr1\t5\t1000\n")
    assert verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), last, called) == 40
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1[:3] + CHROM_2))
    called = bed("called.bed", "chr1\t0\t60\nchr1\t70\t80\nchr2\t0\t3\n")
    assert verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), last, called) == 35


def test_what_a_sample_has_no_copy_of_needs_no_record(vcf, bed, last, whole):
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1))
    depth = bed("depth.bed.gz", DEPTH)
    with pytest.raises(GvcfError, match="chr2:"):
        verify_coverage(gvcf, depth, last, whole)
    ploidy = bed("ploidy.bed", "chr1\t0\t5\tS1\t1\nchr2\t0\t1000\tS1\t0\n")
    assert verify_coverage(gvcf, depth, last, whole, ploidy) == 40


def test_no_reads_at_all(vcf, bed, last, whole):
    gvcf = vcf("all.g.vcf.gz", b"")
    depth = bed("depth.bed.gz", "chr1\t0\t1000\t0:1\nchr2\t0\t1000\t0:1\n")
    assert verify_coverage(gvcf, depth, last, whole) == 0


def test_broken_inputs(vcf, bed, last, whole, tmp_path):
    gvcf = vcf("all.g.vcf.gz", b"".join(CHROM_1 + CHROM_2))
    depth = bed("depth.bed.gz", DEPTH)

    def refused(*arguments):
        with pytest.raises(GvcfError) as error:
            verify_coverage(*arguments)
        return str(error.value)

    cut = tmp_path / "cut.bed.gz"
    cut.write_bytes(depth.read_bytes()[:-12])
    assert f"{cut}: does not end with the BGZF end-of-file block" in refused(gvcf, cut, last, whole)
    for text in (DEPTH.replace("5:10", "deep"), DEPTH.replace("10\t30", "ten\t30"), "chr1\t1\n"):
        bad = bed("bad.bed.gz", text)
        assert f"{bad}: is not a table of intervals" in refused(gvcf, bad, last, whole)
    assert "cannot be read" in refused(gvcf, tmp_path / "none.bed.gz", last, whole)
    assert f"{tmp_path / 'none.vcf'}: " in refused(tmp_path / "none.vcf", depth, last, whole)
    with pytest.raises(ProblemsError, match=r"called\.bed:2"):
        verify_coverage(gvcf, depth, last, bed("called.bed", "chr1\t0\t9\nchr1\n"))
    whole_text = gzip.decompress(gvcf.read_bytes())
    with pysam.BGZFile(str(gvcf), "wb") as file:
        file.write(whole_text[:-20])
    assert f"{gvcf}: " in refused(gvcf, depth, last, whole)


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ("chr1\t0\t10\t0:1\n", "no band leads to chr1:11"),
        ("chr1\t10\t30\t5:10\n", "no band leads to chr1:31"),
        ("chr1\t70\t1000\t0:1\n", "no band leads to chr2:1"),
        ("chr2\t0\t5\t1:5\n", "no band leads to chr2:6"),
        ("chr2\t5\t1000\t0:1\n", "chr2 ends at 5"),
        ("chr2\t0\t5\t1:5\nchr2\t5\t1000\t0:1\n", "chr2 is missing"),
        (DEPTH, "chr1 is missing"),
    ],
)
def test_depth_lacks_a_part(vcf, bed, last, whole, monkeypatch, chunk_bytes, removed, said):
    """A call without a record passed where the depth of the same bases was lost as well."""
    monkeypatch.setattr(bgzf, "CHUNK_BYTES", chunk_bytes)
    assert DEPTH.count(removed) == 1
    depth = bed("depth.bed.gz", DEPTH.replace(removed, ""))
    with pytest.raises(GvcfError, match=f"depth.bed.gz: {said}"):
        verify_coverage(vcf("all.g.vcf.gz", b""), depth, last, whole)


def test_last_bases(vcf, bed, whole):
    """mosdepth gives the last base of a contig the band of the base before it."""
    depth = bed("depth.bed.gz", DEPTH.replace("chr2\t5\t1000\t0:1", "chr2\t5\t1000\t5:10"))
    to_999, to_1000 = (CHROM_2[0].replace(b"END=5", b"END=%d" % end) for end in (999, 1000))

    def verify(records, depth_1, depth_2):
        text = f"chr1\t999\t1000\t{depth_1}.00\nchr2\t999\t1000\t{depth_2}.00\n"
        gvcf = vcf("all.g.vcf.gz", b"".join(records))
        return verify_coverage(gvcf, depth, bed("last.bed.gz", text), whole)

    assert verify((*CHROM_1, to_999), 0, 0) == 40 + 999
    for reads in (1, 5, 9, 10):
        assert verify((*CHROM_1, to_1000), 0, reads) == 40 + 1000
        with pytest.raises(GvcfError, match="chr2:1000 has reads but lies in no record"):
            verify((*CHROM_1, to_999), 0, reads)
    with pytest.raises(GvcfError, match="chr1:1000 has reads but lies in no record"):
        verify((*CHROM_1, to_999), 1, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chr1\t999\t1000\t0.00\n", "chr2:1000, but depth was measured to no base of chr2"),
        ("chr1\t998\t1000\t0.00\n", "has the interval chr1:998-1000"),
        ("chr1\t999\t1000\tdeep\n", "is not a table of intervals"),
        ("", "chr1:1000, but depth was measured to no base of chr1"),
        ("chr1\t899\t900\t0.00\nchr2\t999\t1000\t0.00\n", "measured to 900 base of chr1"),
    ],
)
def test_broken_last_bases(vcf, bed, whole, text, said):
    gvcf, depth = vcf("all.g.vcf.gz", b"".join(CHROM_1 + CHROM_2)), bed("depth.bed.gz", DEPTH)
    with pytest.raises(GvcfError, match=said):
        verify_coverage(gvcf, depth, bed("last.bed.gz", text), whole)


def test_nothing_was_called(vcf, bed, last):
    gvcf, depth = vcf("all.g.vcf.gz", b""), bed("depth.bed.gz", DEPTH)
    with pytest.raises(GvcfError, match=r"called\.bed: is empty"):
        verify_coverage(gvcf, depth, last, bed("called.bed", ""))


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
@pytest.mark.parametrize(
    ("record", "end", "said"),
    [
        (0, 21, "the block chr1:11-21 reaches over the record at 21"),
        (0, 70, "the block chr1:11-70 reaches over the record at 21"),
        (2, 61, "the block chr1:24-61 reaches over the record at 61"),
        (3, 1001, "reaches to chr1:1001, but depth was measured to 1000 base of chr1"),
        (0, 9, "chr1:12 has reads but lies in no record"),
        (3, 69, "chr1:70 has reads but lies in no record"),
    ],
)
def test_an_end_is_wrong(vcf, bed, last, whole, monkeypatch, chunk_bytes, record, end, said):
    """A block that reached too far hid a record that was missing after it."""
    monkeypatch.setattr(bgzf, "CHUNK_BYTES", chunk_bytes)
    records = [*CHROM_1, *CHROM_2]
    right = records[record].split(b"END=")[1].split(b"\t")[0]
    records[record] = records[record].replace(b"END=" + right, b"END=%d" % end)
    with pytest.raises(GvcfError, match=said):
        verify_coverage(
            vcf("all.g.vcf.gz", b"".join(records)), bed("depth.bed.gz", DEPTH), last, whole
        )


def test_records_may_begin_within_a_deletion(vcf, bed, last, whole):
    """As bcftools and freebayes write them: an indel at a reference base, others in its REF."""
    records = [
        CHROM_1[0],
        b"chr1\t20\t.\tACAT\tA\t50\tPASS\t.\tGT:DP\t0/1:9\n",
        b"chr1\t21\t.\tC\tG\t50\tPASS\t.\tGT:DP\t0/1:9\n",
        b"chr1\t22\t.\tA\t.\t.\tPASS\tEND=40\tGT:DP\t0/0:9\n",
        *CHROM_1[3:],
        *CHROM_2,
    ]
    records[0] = records[0].replace(b"END=20", b"END=19")
    gvcf = vcf("all.g.vcf.gz", b"".join(records))
    assert verify_coverage(gvcf, bed("depth.bed.gz", DEPTH), last, whole) == 45
