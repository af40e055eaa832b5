"""What is wrong with a FASTQ is said with its file and line."""

import gzip
import hashlib
import io
import random

import pytest

from wgs_pipeline.errors import ReadsError
from wgs_pipeline.fastq import Lane, reader, stream_lanes, verify_digests, verify_md5


def fastq(count=20, mate=1, length=30, seed=5):
    rng = random.Random(seed)
    return "".join(
        f"@read{n}/{mate}\n{''.join(rng.choices('ACGT', k=length))}\n+\n{'I' * length}\n"
        for n in range(count)
    )


@pytest.fixture
def lane(tmp_path):
    """Stream one lane; what was written and the tallies."""

    def run(content_1=None, content_2=None, chunk_bytes=64):
        paths = []
        for mate, content in ((1, content_1), (2, content_2)):
            content = fastq(mate=mate) if content is None else content
            paths.append(tmp_path / f"R{mate}.fq")
            paths[-1].write_bytes(content.encode() if isinstance(content, str) else content)
        out = io.BytesIO()
        stream_lanes([Lane("rg", "lib", *paths)], out, chunk_bytes)
        return out.getvalue()

    return run


@pytest.fixture
def refused(lane):
    def run(*arguments, **options):
        with pytest.raises(ReadsError) as error:
            lane(*arguments, **options)
        return str(error.value)

    return run


def changed(text, line, new):
    lines = text.splitlines()
    lines[line - 1] = new
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("chunk_bytes", [1, 64, 1 << 20])
@pytest.mark.parametrize(
    ("line", "new", "found"),
    [
        (41, "read10/1", "R1.fq:41: the line begins with 'r'; expected '@'"),
        (41, "", r"R1.fq:41: the line begins with '\n'; expected '@'"),
        (41, ">read10/1", "R1.fq:41: the line begins with '>'; expected '@'"),
        (43, "-", "R1.fq:43: the line begins with '-'; expected '+'"),
        (43, "", r"R1.fq:43: the line begins with '\n'; expected '+'"),
        (44, "I" * 29, "R1.fq:44: 29 qualities for 30 bases"),
        (44, "I" * 31, "R1.fq:44: 31 qualities for 30 bases"),
        (44, "", "R1.fq:44: 0 qualities for 30 bases"),
        (42, "", "R1.fq:44: 30 qualities for 0 bases"),
        (41, "@", "R1.fq:41: a read name of 0 characters"),
        (41, "@/1", "R1.fq:41: a read name of 0 characters"),
        (41, "@ read10", "R1.fq:41: a read name of 0 characters"),
        (41, "@" + "x" * 255, "R1.fq:41: a read name of 255 characters; expected 1 to 254"),
        (42, "ACGT" * 7 + "A\0", r"R1.fq:42: holds the base '\x00'; expected letters"),
        (42, "ACGT" * 7 + "A1", "R1.fq:42: holds the base '1'; expected letters"),
        (44, "I" * 29 + " ", "R1.fq:44: holds the quality ' '; expected printable characters"),
        (44, "\x7f" + "I" * 29, r"R1.fq:44: holds the quality '\x7f'"),
        (41, "@other", "R2.fq:41: read 'read10' stands beside 'other'"),
    ],
)
def test_a_wrong_line(refused, line, new, found, chunk_bytes):
    assert found in refused(changed(fastq(), line, new), chunk_bytes=chunk_bytes)


def test_the_first_wrong_record_is_named(refused):
    text = changed(changed(fastq(), 44, "I"), 24, "I")
    assert "R1.fq:24: 1 qualities" in refused(text, chunk_bytes=1 << 20)


@pytest.mark.parametrize("chunk_bytes", [1, 64, 1 << 20])
def test_other_number_of_reads(refused, chunk_bytes):
    said = refused(fastq(19), chunk_bytes=chunk_bytes)
    assert "R2.fq:77: has more reads than its mate" in said
    assert "R1.fq, which ends after 19 reads" in said
    said = refused(None, fastq(3, 2), chunk_bytes=chunk_bytes)
    assert "R1.fq:13: has more reads than its mate" in said


def test_mates_in_another_order(refused):
    records = fastq(mate=2).splitlines(True)
    swapped = "".join(records[:8] + records[12:16] + records[8:12] + records[16:])
    assert "R2.fq:9: read 'read3' stands beside 'read2'" in refused(None, swapped)


def test_no_reads(refused):
    assert "R1.fq: holds no reads" in refused("", "")
    assert "R1.fq: holds no reads" in refused(gzip.compress(b""), gzip.compress(b""))
    assert "R2.fq:1: has more reads than its mate" in refused("")
    assert "R1.fq: holds no reads" in refused("\n\n", "\n")


@pytest.mark.parametrize("size", range(1, 130, 7))
def test_truncated_plain_text(refused, size):
    """Half a record is found wherever it ends; a whole one less is missed by its mate."""
    text = fastq(length=10)
    text = text[: len(text) // 2 + size]
    said = refused(text)
    if text.endswith("\n") and text.count("\n") % 4 == 0:
        assert "R2.fq:" in said
    else:
        line = text.rstrip("\n").count("\n") + 1
        # Cut within its qualities, a record has four lines; cut before, it has fewer.
        assert f"R1.fq:{line}: " in said


def test_truncated_gzip(refused):
    content = gzip.compress(fastq(400).encode())
    rng = random.Random(1)
    sizes = [2, 3, 9, 10, 11, len(content) - 1, len(content) - 4, len(content) - 8]
    for size in sizes + rng.sample(range(12, len(content)), 40):
        said = refused(content[:size], fastq(400, 2))
        assert "R1.fq:" in said
        assert "the gzip stream is broken on this line or later" in said


def test_truncated_gzip_of_many_members(refused):
    text = fastq(400).encode()
    content = b"".join(
        gzip.compress(text[start : start + 900]) for start in range(0, len(text), 900)
    )
    for size in random.Random(2).sample(range(12, len(content)), 40):
        # Cut between two members, it is a whole gzip file that ends too early.
        said = refused(content[:size], fastq(400, 2))
        assert "R1.fq:" in said


def test_flipped_bytes(lane):
    """Either the change is found, or it changed nothing of the reads (a time, a file name)."""
    content = gzip.compress(fastq(100).encode())
    good = lane(content, fastq(100, 2))
    rng = random.Random(3)
    places = [*range(4), *range(len(content) - 8, len(content))]
    said = []
    for place in places + rng.sample(range(10, len(content)), 60):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.randrange(8)
        try:
            assert lane(bytes(damaged), fastq(100, 2)) == good
        except ReadsError as error:
            said.append(str(error))
    assert len(said) > 65
    assert all("R1.fq" in message for message in said)


def test_not_fastq(refused, lane, tmp_path):
    bam = gzip.compress(b"BAM\1" + bytes(range(256)) * 100)
    assert "R1.fq:1: the line begins with 'B'" in refused(bam)
    assert "R1.fq:1: the line begins with '>'" in refused(">chr1\nACGT\n" * 2)
    assert "R1.fq:1: the line begins with 'P'" in refused("PK\3\4" + "\n" * 8)
    assert "R1.fq:1: ends within a record" in refused("ACGT")
    assert "R1.fq:3: the line begins with '@'" in refused("@a\nAC\n@b\nGT\n")


def test_endless_lines(refused, monkeypatch):
    monkeypatch.setattr(reader, "LONGEST_RECORD", 10_000)
    said = refused(fastq(3) + "A" * 50_000, chunk_bytes=100)
    assert "R1.fq:13: no whole record in " in said
    said = refused(b"\0" * 50_000)
    assert "R1.fq:1: no whole record in " in said


def test_cannot_be_read(tmp_path):
    there = tmp_path / "R1.fq"
    there.write_text(fastq())
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "none.fq", "No such file")):
        for pair in ((path, there), (there, path)):
            with pytest.raises(ReadsError, match=f"{path}: cannot be read: {reason}"):
                stream_lanes([Lane("rg", "lib", *pair)], io.BytesIO())


def test_md5(tmp_path):
    path = tmp_path / "R1.fq"
    path.write_text(fastq())
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    verify_md5(path, digest)
    verify_md5(path, digest.upper())
    wrong = "0" * 32
    with pytest.raises(ReadsError, match=f"R1.fq: its MD5 is {digest}; expected {wrong}"):
        verify_md5(path, wrong)
    verify_digests([(path, digest)] * 6)
    with pytest.raises(ReadsError, match=wrong):
        verify_digests([(path, digest)] * 6 + [(path, wrong)])
    with pytest.raises(ReadsError, match=r"none\.fq: cannot be read"):
        verify_digests([(tmp_path / "none.fq", digest)])
