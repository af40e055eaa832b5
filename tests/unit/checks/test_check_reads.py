import pytest

from wgs_pipeline.checks.reads import HEAD_READS, platform_of, read_head


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("ST-E00273:177:HMTTCCCXX:1:2211:15382:36961", "ILLUMINA"),
        ("A00123:8:HGXXX:1:1101:1000:2000:ACGT+ACGT", "ILLUMINA"),
        ("HWUSI-EAS100R:6:73:941:1973#0", "ILLUMINA"),
        ("V300012345L2C001R0030000001", "DNBSEQ"),
        ("m64011_190830_220126/1/ccs", "PACBIO"),
        ("0a1b2c3d-0000-1111-2222-333344445555", "ONT"),
        ("ABCDE:12:345", "IONTORRENT"),
        ("SRR035023.18643499", None),
        ("HG001_NA12878_ERR2716153_HiSeqX.sra.246751615", None),
        ("read1", None),
    ],
)
def test_platforms(name, platform):
    assert platform_of([name.encode()]) == platform


def test_names_of_two_kinds_show_none():
    assert platform_of([b"read1", b"ABCDE:12:345"]) is None


def test_the_head_of_a_long_file(small_project):
    path = small_project.write_fastq("long.fastq.gz", [f"r{n}/2" for n in range(HEAD_READS + 1)])
    head = read_head(path)
    assert head.names == tuple(f"r{n}".encode() for n in range(HEAD_READS))
    assert head.mates == {2}
    assert not head.is_whole


def test_plain_text_and_windows_line_ends(small_project):
    head = read_head(small_project.write("plain.fastq", "@a 1:N:0:AC\r\nAC\r\n+\r\nII\r\n"))
    assert (head.names, head.mates, head.is_whole) == ((b"a",), {1}, True)
