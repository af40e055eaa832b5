"""From the callers' files to the merged VCF, which bcftools must be able to read."""

import random
import subprocess

import pytest
from click.testing import CliRunner
from event_builders import call, caller_file

from wgs_pipeline.cli import cli
from wgs_pipeline.errors import StructuralError
from wgs_pipeline.structural.calls import read_calls

DELLY_DEL = ("chr1", 1000, "A", "<DEL>", "PASS", "SVTYPE=DEL;END=3000;PRECISE", "0/1:60:9:4")
DYSGU_DEL = ("chr1", 1003, "A" * 1998, "A", "PASS", "SVTYPE=DEL;LPREC=1", "1/1:50:7:10")
DYSGU_INS = ("chr1", 5000, "A", "ACGTTA" * 10, "PASS", "SVTYPE=INS;SVLEN=59;LPREC=1", "1/1:9:0:6")
DELLY_BND = (
    *("chr2", 700, "C", "C[chr1:20001[", "PASS"),
    *("SVTYPE=BND;END=701;CHR2=chr1;POS2=20001;CT=3to5;PRECISE", "0/1:30:5:5"),
)
DYSGU_TRA = (
    *("chr1", 20001, "G", "<TRA>", "lowProb"),
    *("SVTYPE=TRA;CHR2=chr2;CHR2_POS=700;CT=5to3;LPREC=0", "0/1:30:3:3"),
)


def test_deletions_of_both_callers_cover_the_same_bases(tmp_path):
    (ours,) = read_calls(caller_file(tmp_path / "a.vcf", "delly", DELLY_DEL), "delly", "S1")
    assert ours == call(1000, 3000, genotype_quality=60, pairs=9, split_reads=4)
    (theirs,) = read_calls(caller_file(tmp_path / "b.vcf", "dysgu", DYSGU_DEL), "dysgu", "S1")
    support = {"genotype": (1, 1), "pairs": 7, "split_reads": 3}
    assert theirs == call(1003, 3000, caller="dysgu", **support)


@pytest.mark.parametrize(
    ("said", "copies", "taken"),
    [
        *(("0/1", 3, (0, 1)), ("0/1", 4, (1, 1)), ("0/1", 5, (1, 1)), ("0/1", ".", (0, 1))),
        *(("0/0", 4, (0, 0)), ("1/1", 3, (1, 1)), ("./.", 4, (None, None))),
    ],
)
def test_dellys_duplications_are_genotyped_by_its_copies(tmp_path, said, copies, taken):
    row = ("chr1", 1000, "A", "<DUP>", "PASS", "SVTYPE=DUP;END=3000", f"{said}:60:9:4:{copies}")
    (found,) = read_calls(caller_file(tmp_path / "a.vcf", "delly", row), "delly", "S1")
    assert found.genotype == taken


@pytest.fixture
def reference(tmp_path):
    bases = {"chr1": "A" * 100_000, "chr2": "C" * 100_000, "chrX": "G" * 100_000}
    fasta = tmp_path / "ref.fa"
    fasta.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in bases.items()))
    subprocess.run(["samtools", "faidx", fasta], check=True)
    return fasta


def merge_files(tmp_path, reference, *arguments):
    calls = [
        *("--calls", "delly", tmp_path / "delly.vcf", "--calls", "dysgu", tmp_path / "dysgu.vcf"),
    ]
    command = ["structural", "merge", *calls, "--sample", "S1", "--reference", reference]
    command += [*arguments, "-o", tmp_path / "merged.vcf.gz"]
    return CliRunner().invoke(cli, list(map(str, command)), catch_exceptions=False)


def rows(path):
    shape = "%CHROM %POS %REF %ALT %FILTER %INFO/END %INFO/SVLEN %INFO/CALLERS [%GT %PE %SR %CG]\n"
    done = subprocess.run(
        ["bcftools", "query", "-f", shape, path], check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_merged_vcf(tmp_path, reference):
    caller_file(tmp_path / "delly.vcf", "delly", DELLY_DEL, DELLY_BND)
    caller_file(tmp_path / "dysgu.vcf", "dysgu", DYSGU_DEL, DYSGU_INS, DYSGU_TRA)
    assert merge_files(tmp_path, reference).exit_code == 0
    merged = tmp_path / "merged.vcf.gz"
    subprocess.run(["tabix", "-p", "vcf", merged], check=True)
    assert rows(merged) == [
        "chr1 1000 A <DEL> PASS 3000 -2000 delly,dysgu 0/1 9 4 0/1,1/1",
        f"chr1 5000 A {'ACGTTA' * 10} PASS 5000 59 dysgu 1/1 0 6 1/1",
        # delly names the other side first; both are one junction, at its first place.
        "chr1 20001 A ]chr2:700]A PASS . . delly,dysgu 0/1 5 5 0/1,0/1",
    ]


def test_what_does_not_pass(tmp_path, reference):
    def deletion(contig, at, cells, passed="PASS"):
        return (contig, at, "A", "<DEL>", passed, f"SVTYPE=DEL;END={at + 100};PRECISE", cells)

    caller_file(
        *(tmp_path / "delly.vcf", "delly"),
        deletion("chr1", 1000, "0/1:60:9:4", "LowQual"),
        deletion("chr1", 2000, "0/0:60:9:4"),
        deletion("chr1", 3000, "0/1:60:2:2"),
        deletion("chrX", 1000, "0/1:60:9:4"),
        deletion("chrX", 2000, "1/1:60:9:4"),
        deletion("chrX", 3000, "1/1:60:9:4"),
        ("chr1", 9000, "A", "<DEL>", "PASS", "SVTYPE=DEL;END=9049;PRECISE", "0/1:60:9:4"),
    )
    caller_file(tmp_path / "dysgu.vcf", "dysgu")
    ploidy = tmp_path / "ploidy.bed"
    ploidy.write_text("chrX\t0\t2900\tS1\t1\nchrX\t2900\t100000\tS1\t0\nchr1\t0\t9\tS2\t1\n")
    options = ("--ploidy", ploidy, "--min-support", "5")
    assert merge_files(tmp_path, reference, *options).exit_code == 0
    found = [line.split() for line in rows(tmp_path / "merged.vcf.gz")]
    assert [(row[0], row[1], row[4], row[8]) for row in found] == [
        ("chr1", "1000", "LowQual", "0/1"),
        ("chr1", "2000", "LowQual", "0/0"),
        ("chr1", "3000", "LowSupport", "0/1"),
        ("chrX", "1000", "HetHaploid", "1"),
        ("chrX", "2000", "PASS", "1"),
        ("chrX", "3000", "NoCopy", "."),
    ]  # the last of chr1 is 49 bp long


@pytest.mark.parametrize("kept", [0.1, 0.6, 0.99])
def test_a_file_that_is_cut_off_is_refused(tmp_path, kept):
    text = caller_file(tmp_path / "whole.vcf", "delly")
    noise = random.Random(1)
    sequences = ["".join(noise.choices("ACGT", k=200)) for _ in range(3000)]
    lines = [
        f"chr1\t{at + 1}\t.\tA\tA{bases}\t9\tPASS\tSVTYPE=INS;SVLEN=200\tGT:GQ:DV:RV\t0/1:9:3:3\n"
        for at, bases in enumerate(sequences)
    ]
    text.write_text(text.read_text() + "".join(lines))
    whole = tmp_path / "whole.bcf"
    subprocess.run(["bcftools", "view", "-Ob", "-o", whole, text], check=True)
    assert len(read_calls(whole, "delly", "S1")) == 3000
    cut = tmp_path / "cut.bcf"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * kept)])
    with pytest.raises(StructuralError, match=r"cut\.bcf: cannot be read as the calls of delly"):
        read_calls(cut, "delly", "S1")
    cut.write_bytes(whole.read_bytes()[:-28])  # the BGZF end-of-file block alone
    with pytest.raises(StructuralError, match="no BGZF EOF marker"):
        read_calls(cut, "delly", "S1")


def test_a_last_line_that_is_cut_off_is_refused(tmp_path):
    path = caller_file(tmp_path / "dysgu.vcf", "dysgu", DYSGU_DEL, DYSGU_INS)
    path.write_text(path.read_text()[:-3])
    with pytest.raises(StructuralError, match="its last line is cut off"):
        read_calls(path, "dysgu", "S1")


def test_calls_of_another_sample_are_refused(tmp_path):
    with pytest.raises(StructuralError, match="has the calls of S1; expected S2"):
        read_calls(caller_file(tmp_path / "a.vcf", "delly", DELLY_DEL), "delly", "S2")


def test_a_caller_is_given_once(tmp_path, reference):
    path = caller_file(tmp_path / "delly.vcf", "delly")
    calls = [*("--calls", "delly", path) * 2, "--sample", "S1", "--reference", reference]
    command = ["structural", "merge", *calls, "-o", tmp_path / "x.vcf.gz"]
    done = CliRunner().invoke(cli, list(map(str, command)))
    assert done.exit_code == 2
    assert "each caller may be given once" in done.output
