"""Bad input that ``wgs check`` answers: one clear line each, and nothing is written or read."""

from __future__ import annotations

import contextlib
import ctypes
import gzip
import hashlib
import os
import shutil
import subprocess

import pysam
import pytest

from wgs_pipeline.cli import main


@pytest.fixture(autouse=True)
def _leaves_everything_as_it_was(small_project):
    """``wgs check`` writes nothing, whatever it is given."""
    check = small_project.check

    def check_and_compare(*arguments):
        before = small_project.files()
        answer = check(*arguments)
        assert small_project.files() == before
        return answer

    small_project.check = check_and_compare


def refusal(project, *arguments):
    """The lines of a refusal, without the folder of the project."""
    answer = project.check(*arguments)
    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert answer.out == ""
    lines = answer.err.replace(f"{project.folder}/", "").splitlines()
    assert all(len(line) < 1000 for line in lines)
    assert "person-" not in answer.err
    return [line.removeprefix("wgs: ") for line in lines]


def only_refusal(project, *arguments):
    (line,) = refusal(project, *arguments)
    return line


def test_the_small_project_is_good(small_project):
    answer = small_project.check()
    assert answer.code == 0
    kinds = [line.split()[1] for line in answer.err.splitlines()]
    assert kinds == [
        *(
            "config",
            "samples",
            "units",
            "consents",
            "reference",
            "fastq",
            "outputs",
            "aligner",
            "space",
        )
    ]


def test_crlf_and_byte_order_mark(small_project):
    for name in ("samples.tsv", "units.tsv", "consents.tsv"):
        content = small_project.path(name).read_bytes().replace(b"\n", b"\r\n")
        small_project.write(name, b"\xef\xbb\xbf" + content)
    assert small_project.check().code == 0


# Reads


def test_truncated_gzip(small_project):
    path = small_project.path("S1_R2.fastq.gz")
    path.write_bytes(path.read_bytes()[:-30])
    line = only_refusal(small_project)
    assert line.startswith("units.tsv:2: fastq_2 of sample S1, S1_R2.fastq.gz, is truncated")


def test_truncated_bgzip_beyond_the_first_reads(small_project):
    reads = "".join(f"@r{n}\nACGT\n+\nIIII\n" for n in range(3000))
    for mate in (1, 2):
        path = small_project.write(
            f"S1_R{mate}.fastq", reads.replace("\nACGT", f"\nACG{'TA'[mate - 1]}")
        )
        pysam.tabix_compress(str(path), f"{path}.gz", force=True)
        path.unlink()
    assert small_project.check().code == 0
    path = small_project.path("S1_R1.fastq.gz")
    path.write_bytes(path.read_bytes()[:-28])
    assert "is truncated (the end marker of bgzip is missing)" in only_refusal(small_project)


def compressed(content: bytes) -> bytes:
    """The same bytes at any time: they stand in the tests' names, which all workers must share."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "is empty (0 bytes)"),
        (compressed(b""), "holds no reads"),
        (compressed(b"@a\nACGT\n+\nIIII\n@b\nAC"), "is truncated (it ends within the record"),
        (compressed(b"@a\nACGT\n+\nIII\n"), "3 qualities for 4 bases"),
        (compressed(b">a\nACGT\n>b\nACGT\n"), "is no FASTQ (line 1 does not begin with '@')"),
        (compressed(b"@" + b"x" * 10_000_000), "has a line of more than 1,048,576 bytes"),
        (compressed(bytes(range(256)) * 100), "is no FASTQ"),
        (b"@a\nACGT\n+\nIIII\n", "is not compressed, as its name says"),
        (b"\x1f\x8b" + bytes(100), "is damaged"),
        (compressed(b"@a\nACGT\n+\nIIII\n" * 99)[:-8] + bytes(8), "is damaged"),
    ],
)
def test_a_file_that_is_no_fastq(small_project, content, found):
    small_project.write("S1_R1.fastq.gz", content)
    line = only_refusal(small_project)
    assert line.startswith("units.tsv:2: fastq_1 of sample S1, S1_R1.fastq.gz, ")
    assert found in line
    assert "Copy the file again" in line


def test_mates_of_another_name(small_project):
    small_project.write_fastq("S1_R2.fastq.gz", [f"other{n}" for n in range(20)])
    assert "read 1 is 'ST-1:7:FLOW:1:1101:0:0' in fastq_1 and 'other0'" in only_refusal(
        small_project
    )


def test_mates_of_another_number(small_project):
    small_project.write_fastq("S1_R2.fastq.gz", [f"ST-1:7:FLOW:1:1101:{n}:{n}" for n in range(19)])
    assert "fastq_2 ends after 19 reads, the other has more" in only_refusal(small_project)


def test_mates_exchanged(small_project):
    small_project.replace("units.tsv", "S1_R1.fastq.gz\tS1_R2", "S1_R2.fastq.gz\tS1_R1")
    assert "fastq_1 holds second reads" in only_refusal(small_project)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "loop"])
def test_a_file_that_cannot_be_read(small_project, kind):
    path = small_project.path("S1_R1.fastq.gz")
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    assert only_refusal(small_project).startswith("units.tsv:2: fastq_1 of sample S1")


def test_two_platforms_in_one_sample(small_project):
    names = [f"V300012345L2C001R003{n:07d}" for n in range(20)]
    for mate in (1, 2):
        small_project.write_fastq(f"lane2_R{mate}.fastq.gz", [f"{name}/{mate}" for name in names])
    small_project.append("units.tsv", "S1\tL1\tX\t2\tlane2_R1.fastq.gz\tlane2_R2.fastq.gz\n")
    lines = refusal(small_project)
    assert len(lines) == 2
    assert "has read names of DNBSEQ, the reads of line 2 those of ILLUMINA" in lines[0]


def test_the_same_reads_under_another_name(small_project):
    for mate in (1, 2):
        source = small_project.path(f"S1_R{mate}.fastq.gz")
        shutil.copy(source, small_project.path(f"copy_R{mate}.fastq.gz"))
    small_project.append("units.tsv", "S1\tL1\tX\t2\tcopy_R1.fastq.gz\tcopy_R2.fastq.gz\n")
    lines = refusal(small_project)
    assert "fastq_1 of sample S1 holds the same reads as fastq_1 of line 2" in lines[0]
    assert len(lines) == 2


def test_md5_of_another_shape(small_project):
    small_project.replace("units.tsv", "S1_R2.fastq.gz\t", "S1_R2.fastq.gz\tabc")
    assert "md5_1 is 'abc'; expected 32 hexadecimal digits" in only_refusal(small_project)


# Sheets


@pytest.mark.parametrize(
    ("name", "old", "new", "line"),
    [
        ("samples.tsv", "sex\t", "gender\t", "samples.tsv:1: unknown column 'gender'"),
        ("samples.tsv", "S1\t", "S 1\t", "samples.tsv:2: sample_id is 'S 1'"),
        ("samples.tsv", "S1\t", "S/1\t", "samples.tsv:2: sample_id is 'S/1'"),
        ("samples.tsv", "S1\t", "../S1\t", "samples.tsv:2: sample_id is '../S1'"),
        ("samples.tsv", "S1\t", "$(touch x)\t", "samples.tsv:2: sample_id is '$(touch x)'"),
        ("samples.tsv", "S1\t", "S1;id\t", "samples.tsv:2: sample_id is 'S1;id'"),
        ("samples.tsv", "S1\t", "010190-1234\t", "samples.tsv:2: sample_id holds what looks like"),
        (
            "samples.tsv",
            "F1\t\t",
            "F1\tS1\t",
            "samples.tsv:2: a pedigree loop: S1 is a child of S1",
        ),
        ("samples.tsv", "F1\t\t", "F1\tS9\t", "samples.tsv:2: sample 'S1': father 'S9' is not in"),
        ("units.tsv", "S1_R1", "$(touch x)", "units.tsv:2: fastq_1 is '$(touch x).fastq.gz'"),
        ("units.tsv", "S1_R1", "0101901234", "units.tsv:2: fastq_1 holds what looks like"),
        ("consents.tsv", "analysis", "all", "consents.tsv:2: scope is 'all'"),
        ("consents.tsv", "given", "perhaps", "consents.tsv:2: decision is 'perhaps'"),
        (
            "consents.tsv",
            "2024",
            "2999",
            "consents.tsv:2: effective_from is '2999-01-01T00:00:00Z'",
        ),
        (
            "consents.tsv",
            "00:00Z",
            "00:00",
            "consents.tsv:2: effective_from is '2024-01-01T00:00:00'",
        ),
    ],
)
def test_a_wrong_cell(small_project, name, old, new, line):
    small_project.replace(name, old, new)
    lines = refusal(small_project)
    assert any(each.startswith(line) for each in lines), lines
    assert not any("010190" in each for each in lines)


def test_duplicate_lane(small_project):
    for mate in (1, 2):
        small_project.write_fastq(f"again_R{mate}.fastq.gz", ["a", "b"], length=50 + mate)
    small_project.append("units.tsv", "S1\tL1\tFLOW\t1\tagain_R1.fastq.gz\tagain_R2.fastq.gz\n")
    assert "units.tsv:3: flowcell FLOW, lane 1, library L1 of S1 again" in only_refusal(
        small_project
    )


def test_a_unit_without_sample_and_a_sample_without_unit(small_project):
    small_project.replace("units.tsv", "S1\t", "S2\t")
    first, second = refusal(small_project)
    assert first.startswith("samples.tsv:2: sample 'S1' has no unit in units.tsv")
    assert second.startswith("units.tsv:2: sample 'S2' is not in samples.tsv")


def test_a_father_who_is_female_and_a_mother_who_is_male(small_project):
    small_project.replace("samples.tsv", "F1\t\t", "F1\tS2\tS3")
    small_project.append("samples.tsv", "S2\tperson-two\tfemale\tF1\t\t\n")
    small_project.append("samples.tsv", "S3\tperson-three\tmale\tF1\t\t\n")
    for sample in ("S2", "S3"):
        small_project.append("units.tsv", f"{sample}\t\t\t\t\t\t\t{sample}.cram\n")
    father, mother = refusal(small_project)[-2:]
    assert "father 'S2' is female (line 3)" in father
    assert "mother 'S3' is male (line 4)" in mother


def test_a_pedigree_loop_of_two(small_project):
    small_project.replace("samples.tsv", "F1\t\t", "F1\tS2\t")
    small_project.append("samples.tsv", "S2\tperson-two\tmale\tF1\t\tS1\n")
    small_project.append("units.tsv", "S2\t\t\t\t\t\t\tS2.cram\n")
    lines = refusal(small_project)
    assert any("a pedigree loop: S1 is a child of S2 is a child of S1" in line for line in lines)


NO_SHEETS = [b"", b"\n", bytes(range(256)) * 4, b"\0" * 100, b"x" * 10**7]


@pytest.mark.parametrize("content", NO_SHEETS, ids=["empty", "blank", "bytes", "nul", "long"])
@pytest.mark.parametrize("name", ["samples.tsv", "units.tsv", "consents.tsv"])
def test_a_sheet_that_is_none(small_project, name, content):
    small_project.write(name, content)
    assert refusal(small_project)[0].startswith(name)


def test_latin_1(small_project):
    content = small_project.path("consents.tsv").read_bytes()
    small_project.write("consents.tsv", content.replace(b"form", "håndskrevet".encode("latin-1")))
    line = refusal(small_project)[0]
    assert line.startswith("consents.tsv:2: bytes that are not UTF-8")


# Consent


def test_files_of_a_sample_without_consent_are_not_opened(small_project, monkeypatch):
    small_project.append("samples.tsv", "S2\tperson-two\tmale\t\t\t\n")
    small_project.append("units.tsv", "S2\tL2\tFLOW\t2\tS2_R1.fastq.gz\tS2_R2.fastq.gz\n")
    for mate in (1, 2):  # opening a pipe would block
        os.mkfifo(small_project.path(f"S2_R{mate}.fastq.gz"))
    answer = small_project.check()
    assert answer.code == 0
    assert "1 sample left out: no analysis consent: S2" in answer.err
    assert "person-two" not in answer.err


def test_without_a_register_no_reads_are_opened(small_project):
    small_project.path("consents.tsv").unlink()
    small_project.write("S1_R1.fastq.gz", b"would be refused")
    line = only_refusal(small_project)
    assert line.startswith("consents.tsv: no such file; expected a sheet")


# Reference


def test_gzip_reference(small_project):
    fasta = small_project.path("reference.fa").read_bytes()
    small_project.write("reference.fa", gzip.compress(fasta))
    line = only_refusal(small_project)
    assert "reference.fasta is compressed with gzip" in line
    assert "bgzip" in line


def test_bgzip_reference(small_project):
    path = small_project.path("reference.fa")
    pysam.tabix_compress(str(path), f"{path}.gz")
    path.unlink()
    small_project.replace("config.yaml", "reference.fa", "reference.fa.gz")
    answer = small_project.check()
    assert answer.code == 0
    assert "2 contigs, 4000 bp" in answer.err


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"ACGT\n", "it does not begin with '>'"),
        (bytes(range(256)), "it does not begin with '>'"),
        (b">\nACGT\n", "a sequence without a name"),
        (b">a\nACGT\n>a\nACGT\n", "names the sequence 'a' twice"),
        (b"", "is empty (0 bytes)"),
    ],
)
def test_no_reference(small_project, content, found):
    small_project.write("reference.fa", content)
    line = only_refusal(small_project)
    assert line.startswith("config.yaml:7: reference.fasta")
    assert found in line


def test_index_of_another_reference(small_project):
    small_project.write("reference.fa.fai", "chr1\t3000\t7\t60\t61\nchrX\t1000\t99\t60\t61\n")
    assert "its index reference.fa.fai is of another file" in only_refusal(small_project)
    small_project.write("reference.fa.fai", "chr1 3000 7 60 61\n")
    assert "its index reference.fa.fai is damaged" in only_refusal(small_project)


def test_names_and_regions_that_the_reference_lacks(small_project):
    small_project.write("par.bed", "chrX\t0\t500\nchrX\t900\t1001\nX\t1\t2\nchrX 1 2\n")
    small_project.replace("config.yaml", "ngd:", "  y: chrZ\n  par_bed: par.bed\nngd:")
    lines = refusal(small_project)
    assert lines[0].startswith("config.yaml:8: reference.y is 'chrZ', which is no contig")
    assert [line.partition(": ")[0] for line in lines[1:]] == [f"par.bed:{n}" for n in (2, 3, 4)]


def test_reference_of_another_build(small_project):
    # Only the index is looked at for lengths; GRCh37's chr21 is 48,129,895 bp long.
    small_project.write("reference.fa", ">chr21\nACGT\n")
    small_project.write("reference.fa.fai", "chr21\t48129895\t7\t60\t61\n")
    small_project.replace("config.yaml", "build: small", "build: GRCh38")
    line = only_refusal(small_project)
    assert line.startswith("config.yaml:6: reference.build is GRCh38, but the contigs")
    assert "those of GRCh37" in line


# Analyses done elsewhere


def write_cram(project, sample="S2", contigs=None, md5s=None, m5=True, version="3.0"):
    """A CRAM with one read on the first contig."""
    fasta = project.path("reference.fa")
    with pysam.FastaFile(str(shutil.copy(fasta, project.path("copy.fa")))) as file:
        sequences = {name: file.fetch(name) for name in file.references}
    for name in ("copy.fa", "copy.fa.fai"):
        project.path(name).unlink()
    lines = []
    for name, length in (contigs or {n: len(s) for n, s in sequences.items()}).items():
        sequence = sequences.get(name, "A" * length).encode()
        md5 = (md5s or {}).get(name) or hashlib.md5(sequence).hexdigest()
        lines.append({"SN": name, "LN": length, **({"M5": md5} if m5 else {})})
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": lines}
    header["RG"] = [{"ID": "1", "SM": sample}] if sample else []
    path = project.path("S2.cram")
    # Without a reference in the file: the header is what is looked at.
    options = [b"no_ref=1", f"version={version}".encode()]
    with pysam.AlignmentFile(str(path), "wc", header=header, format_options=options) as file:
        read = pysam.AlignedSegment(file.header)
        read.query_name, read.query_sequence, read.flag = "r", "ACGT", 4
        file.write(read)
    return path


@pytest.fixture
def with_cram(small_project):
    small_project.add_sample("S2", "person-two", "male\t\t\t", cram="S2.cram")
    return small_project


def test_a_cram_of_this_reference(with_cram):
    write_cram(with_cram)
    assert with_cram.check().code == 0


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"sample": "S3"}, "is of sample 'S3'; expected read groups (@RG) with SM 'S2'"),
        ({"sample": ""}, "has no read group"),
        (
            {"contigs": {"chr1": 2999, "chrX": 1000}},
            "has contig 'chr1' of 2999 bp, the reference has 3000 bp",
        ),
        ({"contigs": {"1": 3000, "X": 1000}}, "has contigs that the reference lacks: 1, X"),
        ({"contigs": {"chr1": 3000}}, "has not all contigs of the reference: chrX"),
        (
            {"contigs": {"chr1": 3000, "chrX": 1000, "chr21": 46709983}},
            "has contigs that the reference lacks: chr21 (contigs of GRCh38)",
        ),
        ({"md5s": {"chrX": "0" * 32}}, "another sequence of contig 'chrX' (its M5 differs)"),
    ],
)
def test_a_cram_of_another_sample_or_reference(with_cram, arguments, found):
    write_cram(with_cram, **arguments)
    line = only_refusal(with_cram)
    assert line.startswith("units.tsv:3: cram of sample S2, S2.cram, ")
    assert found in line


def test_a_cram_newer_than_the_engine_reads(with_cram):
    write_cram(with_cram, version="3.1")
    assert with_cram.check().code == 0
    with_cram.append("config.yaml", "calling: {engine: gatk}\n")
    said = "is CRAM 3.1; expected CRAM 3.0 or older, which is what calling.engine gatk reads"
    assert any(said in line for line in refusal(with_cram))


def test_a_cram_that_is_none(with_cram):
    path = write_cram(with_cram)
    content = path.read_bytes()
    path.write_bytes(content[:-38])
    assert "is truncated (its end marker is missing)" in only_refusal(with_cram)
    path.write_bytes(b"CRAM" + bytes(100) + content[-38:])
    assert "cannot be read" in only_refusal(with_cram)
    path.write_bytes(b"\x1f\x8b" + bytes(100))
    assert "is BAM or gzip" in only_refusal(with_cram)


GVCF = """\
##fileformat=VCFv4.2
##ALT=<ID=NON_REF,Description="any">
##INFO=<ID=END,Number=1,Type=Integer,Description="end">
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##contig=<ID=chr1,length=3000>
##contig=<ID=chrX,length=1000>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS2
chr1\t1\t.\tA\t<NON_REF>\t.\t.\tEND=9\tGT\t0/0
"""


@pytest.fixture
def with_gvcf(small_project):
    small_project.add_sample("S2", "person-two", "male\t\t\t", gvcf="S2.g.vcf.gz")
    return small_project


def write_gvcf(project, text=GVCF):
    path = project.write("S2.g.vcf", text)
    pysam.tabix_compress(str(path), f"{path}.gz", force=True)
    path.unlink()
    return project.path("S2.g.vcf.gz")


def test_a_gvcf_of_this_reference(with_gvcf):
    write_gvcf(with_gvcf)
    assert with_gvcf.check().code == 0


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("\tS2\n", "\tS3\n", "is of 'S3'; expected the gVCF of 'S2' alone"),
        ("\tS2\n", "\tS2\tS3\n", "is of 'S2', 'S3'"),
        ("length=1000", "length=156040895", "has contig 'chrX' of 156040895 bp, the reference"),
        ("length=1000", "length=156040895", "(contigs of GRCh38)"),
        ("ID=chr", "ID=", "none of the reference"),
        ("##contig=<ID=chrX", "##contig=<ID=chr21,length=46709983>\n##contig=<ID=chrX", ""),
        ("chr1\t1", "chr21\t1", "has records on contig 'chr21', which the reference lacks"),
        ("chr1\t1\t.\tA\t<NON_REF>\t.\t.\tEND=9\tGT\t0/0\n", "", "holds no records"),
        ("NON_REF", "DEL", ""),
    ],
)
def test_a_gvcf_of_another_sample_or_reference(with_gvcf, old, new, found):
    text = GVCF.replace(old, new)
    if old == "ID=chr":
        text = text.replace("\nchr1", "\n1")
    if new.startswith("chr21"):
        text = text.replace("##contig=<ID=chr1,", "##contig=<ID=chr21>\n##contig=<ID=chr1,")
    if new.endswith("\tS3\n") and new != "\tS3\n":
        text = text.replace("\t0/0\n", "\t0/0\t0/0\n")
    write_gvcf(with_gvcf, text)
    if not found:
        assert with_gvcf.check().code == 0
        return
    line = only_refusal(with_gvcf)
    assert line.startswith("units.tsv:3: gvcf of sample S2, S2.g.vcf.gz, ")
    assert found in line


def test_a_vcf_without_reference_blocks(with_gvcf):
    text = GVCF.replace("NON_REF", "DEL").replace("##INFO=<ID=END", "##INFO=<ID=STOP")
    write_gvcf(with_gvcf, text.replace("END=9", "STOP=9"))
    assert "declares no reference blocks" in only_refusal(with_gvcf)


def test_a_gvcf_that_is_none(with_gvcf):
    path = write_gvcf(with_gvcf)
    content = path.read_bytes()
    path.write_bytes(content[:-28])
    assert "is truncated (the end marker of bgzip is missing)" in only_refusal(with_gvcf)
    path.write_bytes(gzip.compress(GVCF.encode()))
    assert "is compressed with gzip" in only_refusal(with_gvcf)
    path.write_text(GVCF)
    assert "is not compressed" in only_refusal(with_gvcf)
    write_gvcf(with_gvcf, "no VCF\n")
    assert "cannot be read" in only_refusal(with_gvcf)


def test_a_target_of_another_reference(with_gvcf):
    write_gvcf(with_gvcf)
    with_gvcf.replace("units.tsv", "S2.g.vcf.gz\t\t", "S2.g.vcf.gz\texome\ttarget.bed")
    with_gvcf.write("target.bed", "chr1\t0\t10\n1\t0\t10\n")
    assert only_refusal(with_gvcf).startswith("target.bed:2: contig '1' is not in the reference")


def test_truth(small_project):
    truth = "truth:\n  S1:\n    vcf: truth.vcf.gz\n    bed: truth.bed\n"
    small_project.append("config.yaml", truth)
    first, second = refusal(small_project)
    assert first.startswith("config.yaml:13: truth.S1.vcf does not exist")
    assert second.startswith("config.yaml:14: truth.S1.bed does not exist")
    path = write_gvcf(small_project, GVCF.replace("\nchr1", "\n20").replace("ID=chr1", "ID=20"))
    path.rename(small_project.path("truth.vcf.gz"))
    small_project.write("truth.bed", "20\t0\t10\n")
    first, second = refusal(small_project)
    assert "has records on contig '20', which the reference lacks" in first
    assert second.startswith("truth.bed:1: contig '20' is not in the reference")


# Where a run writes


def test_a_read_only_results_folder(small_project):
    small_project.path("results").mkdir(mode=0o555)
    line = only_refusal(small_project)
    assert line.startswith("config.yaml:4: results cannot be written")
    assert "read-only" in line


def test_results_below_a_file(small_project):
    small_project.replace("config.yaml", "results: results", "results: reference.fa/results")
    assert "is no folder" in only_refusal(small_project)


def _mount(target, kind, options, flags=0):
    """Mount a file system where the machine lets us, else skip."""
    libc = ctypes.CDLL(None, use_errno=True)
    target.mkdir(exist_ok=True)
    if libc.mount(kind, str(target).encode(), kind, flags, options):
        pytest.skip(f"no mounts here: {os.strerror(ctypes.get_errno())}")


@pytest.fixture
def tmpfs(small_project):
    """A file system of 64 kB at results."""
    target = small_project.path("results")
    _mount(target, b"tmpfs", b"size=64k")
    yield target
    subprocess.run(["umount", target], check=True)


def test_a_full_disk(small_project, tmpfs):
    with (tmpfs / "fill").open("wb", 0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert "No space left on device" in only_refusal(small_project)


def test_a_read_only_file_system(small_project, tmpfs):
    subprocess.run(["mount", "-o", "remount,ro", tmpfs], check=True)
    assert "Read-only file system" in only_refusal(small_project)


# Everything at once


def test_every_problem_at_once(small_project):
    small_project.append("samples.tsv", "S 9\tperson-nine\tfemale\t\t\t\n")
    small_project.append("consents.tsv", "person-nine\tall\tgiven\t2024-01-01\t2024-01-01\t\n")
    small_project.append("config.yaml", "callng: {}\ncalling: {engine: gatk}\n")
    small_project.replace("config.yaml", "reference.fa", "absent.fa")
    files = {line.partition(":")[0] for line in refusal(small_project)}
    assert files == {"samples.tsv", "consents.tsv", "config.yaml"}


def test_overrides_of_the_command_line(small_project):
    assert small_project.check("--config-json", '{"calling": {"scatter_count": 2}}').code == 0
    line = only_refusal(small_project, "--config-json", '{"calling": {"scatter": 2}}')
    assert line.startswith("config.yaml with --config: unknown key calling.scatter;")
    for text in ("{", "[1]", "7", "[" * 100_000):
        assert small_project.check("--config-json", text).code == 2


def test_an_absent_configuration(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["check", str(tmp_path / "config.yaml")])
    assert stop.value.code == 1
    assert "cannot be read (No such file or directory)" in capsys.readouterr().err


def test_database_that_is_gone(small_project):
    small_project.write("results/ngd/initialised", "")
    made = small_project.path("results/ngd")
    expected = (
        f"config.yaml:9: ngd.root: no database in ngd, although {made} says that one was made; "
        "expected the database of these results. Mount it, or restore it and its vault; to load "
        f"every genome into a new one, remove {made}."
    ).replace(f"{small_project.folder}/", "")
    assert only_refusal(small_project) == expected
    small_project.write("ngd/ngd.json", "{}")
    assert small_project.check().code == 0
