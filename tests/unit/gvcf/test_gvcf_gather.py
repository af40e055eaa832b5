import gzip
import random
import subprocess

import pysam
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wgs_pipeline.errors import GvcfError, OutputError
from wgs_pipeline.gvcf import bgzf, gather
from wgs_pipeline.gvcf.reference_blocks import join_blocks

BANDS = (0, 5, 10)
PILEUP_HEADER = """\
##fileformat=VCFv4.2
##INFO=<ID=INDEL,Number=0,Type=Flag,Description="x">
##INFO=<ID=IDV,Number=1,Type=Integer,Description="x">
##INFO=<ID=IMF,Number=1,Type=Float,Description="x">
##INFO=<ID=DP,Number=1,Type=Integer,Description="x">
##INFO=<ID=I16,Number=16,Type=Float,Description="x">
##INFO=<ID=QS,Number=R,Type=Float,Description="x">
##INFO=<ID=MQ0F,Number=1,Type=Float,Description="x">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="x">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="x">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="x">
"""
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"


def pileup(contig, position, depth, kind):
    """Records of one base as bcftools mpileup writes them; an indel comes after the base."""
    moments = [depth, 0, 0, 0, 30 * depth, 900 * depth, 0, 0, 60 * depth, 3600 * depth]
    moments += [0, 0, 10 * depth, 100 * depth, 0, 0]
    i16 = ",".join(map(str, moments))
    likelihoods = f"0,{3 * depth},{30 * depth}"
    yield (
        f"{contig}\t{position}\t.\t{'ACGT'[position % 4]}\t<*>\t0\t.\t"
        f"DP={depth};I16={i16};QS={int(depth > 0)},0;MQ0F=0\t"
        f"PL:DP:AD\t{likelihoods}:{depth}:{depth},0\n"
    )
    if kind == "indel":
        het = "5,5,5,5,300,9000,300,9000,600,36000,600,36000,100,1000,100,1000"
        yield (
            f"{contig}\t{position}\t.\tA\tAT\t0\t.\t"
            f"INDEL;IDV=10;IMF=0.5;DP=20;I16={het};QS=0.5,0.5;MQ0F=0\tPL:DP:AD\t"
            "150,0,150:20:10,10\n"
        )


def call_each(pieces):
    """What ``bcftools call --gvcf`` makes of each piece, with contigs c1 and c2.

    One process calls all pieces: each has contigs of its own, and a block ends with its contig.
    """
    lines = [PILEUP_HEADER]
    lines += [f"##contig=<ID=p{n}.{c},length=1000>\n" for n in range(len(pieces)) for c in "12"]
    lines.append(COLUMNS)
    for number, bases in enumerate(pieces):
        for contig, position, depth, kind in bases:
            lines += pileup(f"p{number}.{contig}", position, depth, kind)
    bands = ",".join(map(str, BANDS))
    # From its fourth base on the second contig is haploid, as chrX of a male is past its PAR.
    haploid = "".join(f"p{n}.2 4 1000 S1 1\n" for n in range(len(pieces)))
    command = (
        f"bcftools call --no-version --multiallelic-caller --gvcf {bands}"
        f" --ploidy-file <(printf '{haploid}* * * S1 2\n') --samples-file <(echo S1 S1)"
        "| bcftools filter --no-version --soft-filter LowQual --exclude 'QUAL < 20'"
    )
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        input="".join(lines).encode(),
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode()
    start = text.index("#CHROM")
    meta = [line for line in text[:start].splitlines(True) if not line.startswith("##contig")]
    contigs = "##contig=<ID=c1,length=1000>\n##contig=<ID=c2,length=1000>\n"
    header = "".join(meta) + contigs + COLUMNS
    records = [[] for _ in pieces]
    for line in text[start:].splitlines(True)[1:]:
        piece, rest = line[1:].split(".", 1)
        records[int(piece)].append("c" + rest)
    return [(header + "".join(each)).encode() for each in records]


@st.composite
def scattered_bases(draw):
    """Bases of two contigs, some without reads, cut into pieces."""
    base = st.tuples(
        st.sampled_from([0, 3, 4, 6, 7, 20, 30]), st.sampled_from(["ref"] * 3 + ["indel"])
    )
    bases = [
        (contig, position, *content)
        for contig in "12"
        for position, content in enumerate(draw(st.lists(st.none() | base, max_size=9)), start=1)
        if content
    ]
    cuts = sorted(draw(st.lists(st.integers(0, len(bases)), max_size=6)))
    return bases, [bases[a:b] for a, b in zip([0, *cuts], [*cuts, len(bases)], strict=True)]


SAME_BAND = [("1", position, 20, "ref") for position in range(1, 5)]
INDEL_AT_CUT = [*SAME_BAND[:2], ("1", 3, 15, "indel"), SAME_BAND[3]]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(scattered_bases())
@example((SAME_BAND, [[base] for base in SAME_BAND]))
@example((INDEL_AT_CUT, [INDEL_AT_CUT[:2], INDEL_AT_CUT[2:]]))
@example(
    (INDEL_AT_CUT, [INDEL_AT_CUT[:1], [], INDEL_AT_CUT[1:2], INDEL_AT_CUT[2:3], INDEL_AT_CUT[3:]])
)
def test_pieces_gathered_are_the_unscattered_call(tmp_path_factory, case):
    bases, pieces = case
    whole, *called = call_each([bases, *pieces])
    folder = tmp_path_factory.mktemp("pieces")
    paths = []
    for number, text in enumerate(called):
        paths.append(folder / f"{number}.vcf.gz")
        with pysam.BGZFile(str(paths[-1]), "wb") as file:
            file.write(text)
    gather(paths, BANDS, folder / "gathered.vcf.gz", threads=1)
    assert gzip.decompress((folder / "gathered.vcf.gz").read_bytes()) == whole
    bgzf.check_bgzf_eof(folder / "gathered.vcf.gz")


def block(first, last, depth, contig="chr1", filters="PASS", gt="0/0"):
    end = f"END={last};" if last > first else ""
    fields = (contig, first, ".", "A", ".", ".", filters, f"{end}MinDP={depth}", "GT:DP")
    return "\t".join(map(str, [*fields, f"{gt}:{depth}\n"])).encode()


@pytest.mark.parametrize(
    ("left", "right", "joined"),
    [
        (block(1, 5, 7), block(6, 9, 6), block(1, 9, 6)),
        (block(1, 1, 7), block(2, 2, 7), block(1, 2, 7)),
        (block(1, 5, 4), block(6, 9, 4, gt="0"), block(1, 9, 4)),
        (block(1, 5, 0, gt="./."), block(6, 9, 4), block(1, 9, 0, gt="./.")),
        (block(1, 5, 4), block(6, 9, 0, gt="./."), block(1, 9, 0)),
        (block(1, 5, 4, gt="0"), block(6, 9, 4, gt="0"), block(1, 9, 4, gt="0")),
        (block(1, 5, 99), block(6, 9, 10), block(1, 9, 10)),
        (block(1, 5, 7), block(7, 9, 6), None),
        (block(1, 5, 7), block(6, 9, 10), None),
        (block(1, 5, 4), block(6, 9, 5), None),
        (block(1, 5, 7), block(6, 9, 7, contig="chr2"), None),
        (block(1, 5, 7), block(6, 9, 7, filters="LowQual"), None),
        (b"", block(6, 9, 7), None),
        (block(1, 5, 7), b"chr1\t6\t.\tA\tT\t50\tPASS\tDP=9\tGT:DP\t0/1:9\n", None),
    ],
)
def test_join_blocks(left, right, joined):
    assert join_blocks(left, right, b"", BANDS) == joined


def test_indel_at_the_joined_base_takes_it_off_the_block():
    indel = b"chr1\t6\t.\tA\tAT\t50\tPASS\tINDEL\tGT:DP\t0/1:9\n"
    assert join_blocks(block(1, 5, 7), block(6, 6, 6), indel, BANDS) == block(1, 5, 6)
    assert join_blocks(block(5, 5, 7), block(6, 6, 6), indel, BANDS) == block(5, 5, 6)
    elsewhere = indel.replace(b"chr1", b"chr10")
    assert join_blocks(block(1, 5, 7), block(6, 6, 6), elsewhere, BANDS) == block(1, 6, 6)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 50, 200])
def test_chunks_of_any_size(vcf, text_of, tmp_path, monkeypatch, chunk_bytes):
    monkeypatch.setattr(bgzf, "CHUNK_BYTES", chunk_bytes)
    pieces = [
        vcf("0.vcf.gz", block(1, 5, 20) + block(6, 8, 5)),
        vcf("1.vcf.gz", block(9, 10, 6)),
        vcf("2.vcf.gz", b""),
        vcf("3.vcf.gz", block(11, 11, 7) + block(13, 14, 7)),
    ]
    gather(pieces, BANDS, tmp_path / "all.vcf.gz")
    expected = block(1, 5, 20) + block(6, 11, 5) + block(13, 14, 7)
    assert text_of(tmp_path / "all.vcf.gz") == expected


def test_all_pieces_empty(vcf, text_of, tmp_path):
    gather([vcf("0.vcf.gz", b""), vcf("1.vcf.gz", b"")], BANDS, tmp_path / "all.vcf.gz")
    assert text_of(tmp_path / "all.vcf.gz") == b""
    with pysam.VariantFile(str(tmp_path / "all.vcf.gz")) as file:
        assert list(file.header.samples) == ["S1"]


def test_the_header_is_that_of_the_first_piece_with_records(vcf, header, tmp_path):
    """A piece of which a sample has no copy does not define what its records would have."""
    bare = b"".join(
        line for line in header.splitlines(keepends=True) if not line.startswith(b"##FORMAT")
    )
    pieces = [
        vcf("0.vcf.gz", b"", bare), vcf("1.vcf.gz", block(1, 5, 20)), vcf("2.vcf.gz", b"", bare)
    ]  # fmt: skip
    gather(pieces, BANDS, tmp_path / "all.vcf.gz")
    with pysam.VariantFile(str(tmp_path / "all.vcf.gz")) as file:
        assert "DP" in file.header.formats
        assert len(list(file)) == 1


def refused(pieces, output):
    with pytest.raises(GvcfError) as error:
        gather(pieces, BANDS, output)
    assert not output.exists()
    assert not list(output.parent.glob(".*.tmp"))
    return str(error.value)


def test_faults(vcf, tmp_path):
    output = tmp_path / "all.vcf.gz"
    good = vcf("good.vcf.gz", b"".join(block(n, n, 20) for n in range(1, 999)))
    content = good.read_bytes()
    bad = tmp_path / "bad.vcf.gz"
    bad.write_bytes(content[: -len(bgzf.BGZF_EOF)])
    assert f"{bad}: does not end with the BGZF end-of-file block" in refused([good, bad], output)
    bad.write_bytes(content[: len(content) // 2])
    assert f"{bad}: does not end with" in refused([good, bad], output)
    bad.write_bytes(b"")
    assert f"{bad}: does not end with" in refused([bad], output)
    bad.write_bytes(content[: len(content) // 2] + bgzf.BGZF_EOF)
    assert f"{bad}: the gzip stream is broken" in refused([good, bad], output)
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0x40
    bad.write_bytes(flipped)
    assert f"{bad}: the gzip stream is broken" in refused([good, bad], output)
    assert f"{tmp_path / 'none.gz'}: cannot be read" in refused(
        [good, tmp_path / "none.gz"], output
    )
    assert "cannot be read" in refused([tmp_path], output)


def test_other_headers(vcf, header, tmp_path):
    good = vcf("good.vcf.gz", block(1, 2, 20))
    for change in ((b"\tS1\n", b"\tS2\n"), (b"length=1000", b"length=2000"), (b"chr2", b"chr3")):
        bad = vcf("bad.vcf.gz", block(3, 3, 20), header.replace(*change))
        said = refused([good, bad], tmp_path / "all.vcf.gz")
        assert f"{bad}: its samples or contigs are not those of {good}" in said
    bad = vcf("bad.vcf.gz", b"", b"##fileformat=VCFv4.2\n")
    assert "has no #CHROM line" in refused([good, bad], tmp_path / "all.vcf.gz")
    bad = vcf("bad.vcf.gz", block(3, 3, 20)[:-1])
    assert "its last line is cut off" in refused([good, bad], tmp_path / "all.vcf.gz")


@pytest.mark.parametrize("threads", [1, 2])
def test_full_disk(vcf, mounted, threads):
    rng = random.Random(1)
    records = (block(n, n, rng.randrange(10**9)) for n in range(1, 30_000))
    output = mounted("size=64k") / "all.vcf.gz"
    with pytest.raises(OutputError, match=f"{output}: cannot be written: bgzip failed"):
        gather([vcf("0.vcf.gz", b"".join(records))], BANDS, output, threads)
    assert not list(output.parent.iterdir())
