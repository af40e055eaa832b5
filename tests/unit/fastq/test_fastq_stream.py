"""The stream against a plain parser: what goes in comes out interleaved, and is counted."""

import gzip
import hashlib
import io
import tempfile
from pathlib import Path

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.fastq import Lane, read_pairs, stream_lanes, tally_json
from wgs_pipeline.fastq.reader import FastqReader

COMMENT = "RG:Z:F.1.L\tLB:Z:L"
#: Every quality that SAM allows, '@' and '+' first among them.
QUALITIES = "@+" + "".join(map(chr, range(33, 127)))


def parse(text):
    """Names without comment and mate number, bases and qualities, line by line."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    for number in range(0, len(lines), 4):
        head, bases, plus, qualities = lines[number : number + 4]
        assert head[0] == "@"
        assert plus[0] == "+"
        name = head[1:].replace("\t", " ").split(" ")[0]
        yield name[:-2] if name.endswith(("/1", "/2")) else name, bases, qualities


def interleaved(text_1, text_2):
    for pair in zip(parse(text_1), parse(text_2), strict=True):
        for name, bases, qualities in pair:
            yield f"@{name} {COMMENT}\n{bases}\n+\n{qualities}\n"


def counted(*texts):
    reads = [read for text in texts for read in parse(text)]
    qualities = "".join(quality for _, _, quality in reads)
    return {
        "pairs": len(reads) // 2,
        "bases": sum(len(bases) for _, bases, _ in reads),
        "bases_q30": sum(ord(each) - 33 >= 30 for each in qualities),
    }


@st.composite
def mates(draw):
    """Text of two FASTQ files that belong together."""
    name = st.text("AZaz09:_/.-#", min_size=1, max_size=12).filter(
        lambda text: text[-2:] not in ("/1", "/2")
    )
    names = draw(st.lists(name, min_size=1, max_size=6))
    long = draw(st.booleans())
    texts = []
    for mate in "12":
        heads = st.sampled_from(["", f"/{mate}", f" {mate}:N:0:ACGT", f"/{mate}\tx y", " ", "\t"])
        end = draw(st.sampled_from(["\n", "\r\n"]))
        records = []
        for each in names:
            longest = 300 if long and mate == "2" else 9
            bases = draw(st.text("ACGTNacgtn.", min_size=0, max_size=longest))
            quality = st.text(QUALITIES, min_size=len(bases), max_size=len(bases))
            head = each + draw(heads)
            plus = draw(st.sampled_from(["+", f"+{head}"]))
            records.append(end.join([f"@{head}", bases, plus, draw(quality), ""]))
        text = "".join(records)
        # Where the last read has no base, a missing line end would be a missing line.
        if draw(st.booleans()) and bases:
            text = text.removesuffix(end)
        texts.append(text)
    return texts


def write_plain(path, content):
    path.write_bytes(content)


def write_gzip(path, content):
    path.write_bytes(gzip.compress(content))


def write_members(path, content):
    cut = len(content) // 2
    path.write_bytes(gzip.compress(content[:cut]) + gzip.compress(content[cut:]))


def write_bgzip(path, content):
    with pysam.BGZFile(str(path), "wb") as file:
        for start in range(0, len(content), 50):
            file.write(content[start : start + 50])
            file.flush()


WRITERS = (write_plain, write_gzip, write_members, write_bgzip)


def stream(folder, contents, chunk_bytes, writers=(write_plain, write_plain)):
    paths = [folder / "R1.fastq", folder / "R2.fastq"]
    for path, content, write in zip(paths, contents, writers, strict=True):
        write(path, content)
    out = io.BytesIO()
    tallies = stream_lanes([Lane("F.1.L", "L", *paths)], out, chunk_bytes)
    return out.getvalue().decode(), tally_json(tallies)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    mates(),
    st.sampled_from([1, 2, 3, 7, 20, 64, 1 << 20]),
    st.tuples(st.sampled_from(WRITERS), st.sampled_from(WRITERS)),
)
def test_equals_a_plain_parser(texts, chunk_bytes, writers):
    with tempfile.TemporaryDirectory() as name:
        contents = [text.encode() for text in texts]
        found, tally = stream(Path(name), contents, chunk_bytes, writers)
    assert found == "".join(interleaved(*texts))
    groups = tally.pop("read_groups")
    assert tally == counted(*texts)
    (group,) = groups
    assert len(group.pop("sha256_1")) == len(group.pop("sha256_2")) == 64
    assert group == {"read_group": "F.1.L", **counted(*texts)}


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_reads_without_bases_count(tmp_path, chunk_bytes):
    text = "@a\n\n+\n\n@b\nA\n+\nI\n@c\n\n+\n\n"
    found, tally = stream(tmp_path, [text.encode()] * 2, chunk_bytes)
    assert found == "".join(interleaved(text, text))
    assert (tally["pairs"], tally["bases"]) == (3, 2)


@pytest.mark.parametrize("ending", ["\n", "\n\n\n", "\r\n", "\r\n\r\n"])
def test_empty_lines_at_the_end_are_no_reads(tmp_path, ending):
    text = "@a\nAC\n+\nII\n"
    found, _ = stream(tmp_path, [(text + ending).encode(), text.encode()], 5)
    assert found == "".join(interleaved(text, text))


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("chunk_bytes", [7, 1 << 20])
def test_files_are_digested_as_they_lie_on_the_disk(tmp_path, chunk_bytes):
    """Plain, gzip of several members, and with zeros after its end, which gzip passes over."""
    text = b"".join(b"@%d\nACGT\n+\nIIII\n" % number for number in range(500))
    plain, padded = tmp_path / "plain.fq", tmp_path / "padded.fq.gz"
    plain.write_bytes(text)
    halves = gzip.compress(text[: len(text) // 2]) + gzip.compress(text[len(text) // 2 :])
    padded.write_bytes(halves + bytes(3000))
    (tally,) = stream_lanes([Lane("F", "L", plain, padded)], io.BytesIO(), chunk_bytes)
    assert (tally.sha256_1, tally.sha256_2) == (sha256(plain), sha256(padded))


def test_lanes_in_their_order(tmp_path):
    lanes = []
    for number in (2, 1):
        paths = [tmp_path / f"{number}_R{mate}.fq" for mate in (1, 2)]
        for path in paths:
            path.write_text(f"@read{number}\nACGT\n+\nI!?>\n")
        lanes.append(Lane(f"F.{number}", f"L{number}", *paths))
    out = io.BytesIO()
    tallies = stream_lanes(lanes, out)
    heads = [line for line in out.getvalue().decode().splitlines() if line[0] == "@"]
    assert heads == ["@read2 RG:Z:F.2\tLB:Z:L2"] * 2 + ["@read1 RG:Z:F.1\tLB:Z:L1"] * 2
    lane = {"pairs": 1, "bases": 8, "bases_q30": 4}
    digests = [
        {"sha256_1": sha256(each.fastq_1), "sha256_2": sha256(each.fastq_2)} for each in lanes
    ]
    assert tally_json(tallies) == {
        "pairs": 2,
        "bases": 16,
        "bases_q30": 8,
        "read_groups": [
            {"read_group": "F.2", **lane, **digests[0]},
            {"read_group": "F.1", **lane, **digests[1]},
        ],
    }


def test_what_is_left_of_a_chunk_is_not_copied(tmp_path):
    """Short mates wait for long ones: their memory is looked at many times, and copied once."""
    paths = [tmp_path / "R1.fq", tmp_path / "R2.fq"]
    for path, length in zip(paths, (1, 2000), strict=True):
        path.write_bytes(
            b"".join(b"@%d\n%s\n+\n%s\n" % (n, b"A" * length, b"I" * length) for n in range(400))
        )
    first, second = (FastqReader(path, 10_000) for path in paths)
    taken = 0
    blocks = set()
    while count := min(first.fill(), second.fill()):
        chunk = first.take(count)
        assert chunk.text.base is not None, "a view"
        blocks.add(id(chunk.text.base))
        second.take(count)
        taken += count
    assert taken == 400
    assert len(blocks) <= 2
    assert (
        sum(len(one) for one, _ in read_pairs(*(FastqReader(path, 10_000) for path in paths)))
        == 400
    )
