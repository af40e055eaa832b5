"""Small VCFs, and the tools that the tests of this folder need."""

import gzip

import pysam
import pytest

from rules import need

HEADER = (
    b"##fileformat=VCFv4.2\n"
    b'##FILTER=<ID=PASS,Description="All filters passed">\n'
    b'##INFO=<ID=END,Number=1,Type=Integer,Description="End">\n'
    b'##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    b'##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    b"##contig=<ID=chr1,length=1000>\n"
    b"##contig=<ID=chr2,length=1000>\n"
    b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
)


@pytest.fixture(scope="session", autouse=True)
def _tools():
    need("bcftools", "bgzip")


@pytest.fixture
def header():
    return HEADER


@pytest.fixture
def vcf(tmp_path):
    """Write a bgzip VCF."""

    def write(name, records, header=HEADER):
        path = tmp_path / name
        with pysam.BGZFile(str(path), "wb") as file:
            file.write(header + records)
        return path

    return write


@pytest.fixture
def bed(tmp_path):
    """Write a BED file, bgzip where its name says so."""

    def write(name, text):
        path = tmp_path / name
        if name.endswith(".gz"):
            with pysam.BGZFile(str(path), "wb") as file:
                file.write(text.encode())
        else:
            path.write_text(text)
        return path

    return write


@pytest.fixture
def text_of():
    """The records of a bgzip VCF."""

    def read(path):
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        return b"".join(line for line in lines if not line.startswith(b"#"))

    return read
