"""A malformed record is named by its line, and nothing of its gVCF is loaded."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest
from ngd_builders import header, make_database

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.ngd.shard_writer import write_shard

GOOD = ["chr1 4 . C T . . . GT:DP:GQ 0/1:30:50", "chr1 4 . C <*> . . END=5 GT:DP 0/0:30"]
AFTER = "chr1 50 . A <NON_REF> . . END=60 GT:DP:GQ:MIN_DP:PL 0/0:40:50:30:0,50,500"
BAD = {
    # CHROM
    "chr9 5 . A G . . . GT:DP 0/1:30": "contig chr9",
    " 5 . A G . . . GT:DP 0/1:30": "contig ; expected a contig of the reference",
    # POS
    "chr1 0 . A G . . . GT:DP 0/1:30": "POS is 0",
    "chr1 -5 . A G . . . GT:DP 0/1:30": "POS is no position",
    "chr1 x . A G . . . GT:DP 0/1:30": "POS is no position",
    "chr1 5.0 . A G . . . GT:DP 0/1:30": "POS is no position",
    "chr1  . A G . . . GT:DP 0/1:30": "POS is no position",
    "chr1 . . A G . . . GT:DP 0/1:30": "POS is no position",
    "chr1 2147483648 . A G . . . GT:DP 0/1:30": "POS is no position",
    "chr1 99999999999999999999 . A G . . . GT:DP 0/1:30": "POS is no position",
    "chr1 3 . A G . . . GT:DP 0/1:30": "before the one above",
    "chr1 61 . A G . . . GT:DP 0/1:30": "ends beyond its contig",
    "chr1 60 . AC A . . . GT:DP 0/1:30": "ends beyond its contig",
    # REF and ALT
    "chr1 5 . A1 G . . . GT:DP 0/1:30": "REF is no sequence",
    "chr1 5 .  G . . . GT:DP 0/1:30": "REF is no sequence",
    "chr1 5 . <DEL> G . . . GT:DP 0/1:30": "REF is no sequence",
    "chr1 5 . A  . . . GT:DP 0/1:30": "an empty ALT",
    "chr1 5 . A A . . . GT:DP 0/1:30": "ALT is the same as REF",
    "chr1 5 . a A . . . GT:DP 1/1:30": "ALT is the same as REF",
    # INFO
    "chr1 5 . A <*> . . END=4 GT:DP 0/0:30": "END lies before POS",
    "chr1 5 . A <*> . . DP=3;END=4;X=1 GT:DP 0/0:30": "END lies before POS",
    "chr1 5 . A <*> . . END=x GT:DP 0/0:30": "END is no number",
    "chr1 5 . A <*> . . END= GT:DP 0/0:30": "END is no number",
    "chr1 5 . A <*> . . END=9a GT:DP 0/0:30": "END is no number",
    "chr1 5 . A <*> . . DP=1;END=-9 GT:DP 0/0:30": "END is no number",
    "chr1 5 . A <*> . . END=99999999999999999999 GT:DP 0/0:30": "END is no number",
    "chr1 5 . A <*> . . END=99 GT:DP 0/0:30": "ends beyond its contig",
    "chr1 5 . A . . . END=9;MinDP=x GT:DP 0/0:30": "INFO/MinDP is no number",
    "chr1 5 . A <*> . . DP=1;MIN_DP=x;END=9 GT:DP 0/0:30": "INFO/MinDP is no number",
    # FORMAT and the sample
    "chr1 5 . A G . . . GT:DP 0/1:30:50": "more sample fields",
    "chr1 5 . A G . . . DP:GT:X 30:0/1:1:2": "more sample fields",
    "chr1 5 . A <*> . . END=9 GT:DP:MIN_DP:PL 0/0:30:30:0,3,9:": "more sample fields",
    "chr1 5 . A G . . . X:Y 1:2:3": "more sample fields",
    "chr1 5 . A G . . . GT:DP 0/7:30": "GT names an allele",
    "chr1 5 . A G,T . . . GT:DP 3|0:30": "GT names an allele",
    "chr1 5 . A G . . . GT:DP 0-1:30": "GT that is no genotype",
    "chr1 5 . A G . . . GT:DP :30": "GT that is no genotype",
    "chr1 5 . A G . . . GT:DP 0/:30": "GT that is no genotype",
    "chr1 5 . A G . . . DP:GT 30": "GT that is no genotype",
    "chr1 5 . A <*> . . END=9 GT:DP x:30": "GT that is no genotype",
    "chr1 5 . A G . . . GT:DP:GQ 0/1:many:50": "DP is no number",
    "chr1 5 . A G . . . GT:DP:GQ 0/1:0x1f:50": "DP is no number",
    "chr1 5 . A <*> . . END=9 GT:DP:MIN_DP 0/0:30:few": "MIN_DP is no number",
    "chr1 5 . A <*> . . END=9 GT:MIN_DP:DP 0/0:.:few": "DP is no number",
    "chr1 5 . A G . . . GT:DP:GQ 0/1:30:5O": "GQ is no number",
    "chr1 5 . A <*> . . END=9 GT:GQ:MIN_DP 0/0:good:30": "GQ is no number",
    "chr1 5 . A G . . . GT:DP:PL 0/1:30:0,x,3": "PL is no number",
    "chr1 5 . A G . . . GT:DP:AD 0/1:30:15,x": "AD is no number",
    "chr1 5 . A G . . . GT:DP:AD 0/1:30:x,15": "AD is no number",
    # shape of the line
    "chr1 5 . A G . . . GT:DP": "9 columns; expected 10 columns",
    "chr1 5 . A G . . . GT:DP 0/1:30 0/1:30": "11 columns; expected 10 columns",
    "": "1 columns; expected 10 columns",
    "chr1 5 . A G . . X=\x00 GT:DP 0/1:30": "the control character 0x00",
    "chr1 5 . A G . . X=\r GT:DP 0/1:30": "the control character 0x0d",
    "chr1 5 . A G . . X=\x1b GT:DP 0/1:30": "the control character 0x1b",
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.open(make_database(tmp_path))


def _text(*lines: str) -> bytes:
    return (header("S") + "".join(line.replace(" ", "\t") + "\n" for line in lines)).encode()


def _refused(root: Root, content: bytes, message: str) -> str:
    gvcf = root.path.parent / "s.g.vcf"
    gvcf.write_bytes(content)
    before = _files(root)
    with pytest.raises(GvcfError) as error:
        write_shard(root, gvcf, "S", Analysis("XX"))
    assert message in str(error.value)
    assert _files(root) == before
    return str(error.value)


def _files(root: Root) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("line", BAD)
def test_a_malformed_record_is_named(root: Root, line: str):
    number = header("S").count("\n") + len(GOOD) + 1
    said = _refused(root, _text(*GOOD, line, AFTER), BAD[line])
    assert f"s.g.vcf:{number}: " in said


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80"])
def test_bytes_that_are_no_utf8_are_named(root: Root, bad: bytes):
    content = _text(*GOOD, "chr1 5 . A G . . X=? GT:DP 0/1:30", AFTER).replace(b"?", bad)
    number = header("S").count("\n") + len(GOOD) + 1
    assert f"s.g.vcf:{number}: bytes that are no UTF-8" in _refused(root, content, "VCF text")


def test_utf8_is_text_as_any_other(root: Root):
    gvcf = root.path.parent / "s.g.vcf"
    gvcf.write_bytes(_text(*GOOD, "chr1 5 é A G . . X=ø GT:DP 0/1:30", AFTER))
    assert write_shard(root, gvcf, "S", Analysis("XX"))


def test_the_line_is_right_in_later_blocks(root: Root, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wgs_pipeline.ngd.gvcf_source._BLOCK_BYTES", 64)
    lines = [f"chr1 {at} . A G . . . GT:DP:GQ 0/1:30:50" for at in range(1, 41)]
    lines[33] = lines[33].replace("30:50", "30:5-")
    number = header("S").count("\n") + 34
    assert f"s.g.vcf:{number}: GQ is no number" in _refused(root, _text(*lines), "GQ")


def test_blocks_of_any_size_are_the_same_shard(root: Root, monkeypatch: pytest.MonkeyPatch):
    gvcf = root.path.parent / "s.g.vcf"
    lines = [f"chr1 {at} . A G . . . GT:DP:GQ 0/1:3{at % 7}:50" for at in range(1, 41)]
    gvcf.write_bytes(_text(*lines, "chrX 3 . AC A . . . GT:DP:GQ 1/1:30:50"))
    whole = write_shard(root, gvcf, "S", Analysis("XX"))
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr("wgs_pipeline.ngd.gvcf_source._BLOCK_BYTES", size)
        assert write_shard(root, gvcf, "S", Analysis("XX")) == whole


@pytest.mark.parametrize("pack", [gzip.compress, None])
def test_a_compressed_file_cut_anywhere_is_refused(root: Root, pack):
    text = _text(*GOOD, AFTER)
    if pack is None:
        done = subprocess.run(["bgzip", "-c"], input=text, capture_output=True, check=True)
        whole = done.stdout
    else:
        whole = pack(text)
    for size in range(20, len(whole), 37):
        _refused(root, whole[:size], "truncated")
    for at in range(30, len(whole) - 40, 53):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        _refused(root, bytes(damaged), "s.g.vcf")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_last_line_without_an_end_is_refused(root: Root, pack):
    _refused(root, pack(_text(*GOOD, AFTER)[:-1]), "the last line has no end")
