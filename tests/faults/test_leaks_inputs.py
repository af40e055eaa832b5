"""A civil registration number anywhere in the inputs: ``wgs check`` refuses it and never says it.

The numbers are made up; a CPR number is told by its date alone, so any of them might be somebody's.
"""

from __future__ import annotations

import gzip
import shutil
from datetime import UTC, datetime

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from running import SHARED_DATA
from wgs_pipeline.checks.headers import identifying_line, identifying_read, vcf_header_lines
from wgs_pipeline.consent.columns import read_columns
from wgs_pipeline.errors import ProblemsError, WgsError

LOOKS = "what looks like a civil registration number"
PLAIN, HYPHEN, SPACE = "2903641234", "290364-1234", "290364 1234"
GVCF = """\
##fileformat=VCFv4.2
##ALT=<ID=NON_REF,Description="any">
##INFO=<ID=END,Number=1,Type=Integer,Description="end">
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##contig=<ID=chr1,length=3000>
##contig=<ID=chrX,length=1000>
{}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS2
chr1\t1\t.\tA\t<NON_REF>\t.\t.\tEND=9\tGT\t0/0
"""


def refusal(project, *arguments):
    """The lines of a refusal, none of which says the number."""
    answer = project.check(*arguments)
    assert answer.code == 1
    said = answer.err.replace(f"{project.folder}/", "")  # the folder has the name of the test
    assert "Traceback" not in said
    assert "1234" not in said
    assert "290364" not in said
    return said.removeprefix("wgs: ").splitlines()


def the_problem(project, *arguments):
    (line,) = [line for line in refusal(project, *arguments) if LOOKS in line]
    return line


# Sheets


@pytest.mark.parametrize("number", [PLAIN, HYPHEN, "290364_1234", f"lab.{PLAIN}.x"])
@pytest.mark.parametrize("column", ["sample_id", "family_id", "father_id", "mother_id"])
def test_names_in_the_sheet_of_samples(small_project, column, number):
    cells = {"sample_id": "S2", "patient_id": "person-two", "sex": "male"}
    header = small_project.path("samples.tsv").read_text().splitlines()[0].split("\t")
    cells[column] = number
    row = "\t".join(cells.get(name, "") for name in header)
    small_project.append("samples.tsv", f"{row}\n")
    assert the_problem(small_project).startswith(f"samples.tsv:3: {column} holds {LOOKS}")


@pytest.mark.parametrize("number", [PLAIN, HYPHEN, SPACE, "290364 - 1234", "29.03.64-1234"])
@pytest.mark.parametrize("column", ["patient_group", "region"])
def test_free_text_in_the_sheet_of_samples(small_project, column, number):
    small_project.replace("samples.tsv", "mother_id", f"mother_id\t{column}")
    small_project.replace("samples.tsv", "F1\t\t", f"F1\t\t\tchild of {number}, see there")
    assert the_problem(small_project).startswith(f"samples.tsv:2: {column} holds {LOOKS}")


@pytest.mark.parametrize("number", [PLAIN, HYPHEN])
@pytest.mark.parametrize("place", ["sex", "unknown column", "comment"])
def test_cells_of_other_kinds(small_project, place, number):
    if place == "sex":
        small_project.replace("samples.tsv", "female", number)
        refusal(small_project)
    elif place == "unknown column":
        small_project.replace("samples.tsv", "mother_id", number)
        refusal(small_project)
    else:  # a comment is read by nobody and goes nowhere
        small_project.append("samples.tsv", f"# {number} called\n")
        assert small_project.check().code == 0


@pytest.mark.parametrize("column", ["library_id", "flowcell", "lane"])
def test_names_in_the_sheet_of_units(small_project, column):
    old = {"library_id": "\tL1\t", "flowcell": "\tFLOW\t", "lane": "\t1\t"}[column]
    small_project.replace("units.tsv", old, f"\t{HYPHEN}\t")
    assert the_problem(small_project).startswith(f"units.tsv:2: {column} holds {LOOKS}")


@pytest.mark.parametrize("number", [PLAIN, HYPHEN, SPACE, "290364_1234"])
@pytest.mark.parametrize("path", ["{}_R1.fastq.gz", "of {}/R1.fastq.gz", "{}/lane/../R1.fastq.gz"])
def test_names_of_files_and_folders(small_project, path, number):
    path = path.format(number)
    place = small_project.path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(small_project.path("S1_R1.fastq.gz"), place)
    small_project.replace("units.tsv", "S1_R1.fastq.gz", path)
    assert the_problem(small_project).startswith(f"units.tsv:2: fastq_1 holds {LOOKS}")


@pytest.mark.parametrize("column", ["cram", "gvcf", "target_bed"])
def test_names_of_analyses_done_elsewhere(small_project, column):
    cells = {"gvcf": "S2.g.vcf.gz"} if column == "target_bed" else {}
    small_project.add_sample("S2", "person-two", "male\t\t\t", **{**cells, column: f"x/{HYPHEN}"})
    assert the_problem(small_project).startswith(f"units.tsv:3: {column} holds {LOOKS}")


@pytest.mark.parametrize("number", [PLAIN, HYPHEN, SPACE])
def test_source_of_a_consent(small_project, number):
    small_project.replace("consents.tsv", "\tform", f"\tform of {number}")
    assert the_problem(small_project).startswith(f"consents.tsv:2: source holds {LOOKS}")


gaps = st.sampled_from(["", "-", " ", " - ", "  -  ", "_", "\N{EN DASH}", "\N{NO-BREAK SPACE}"])
spellings = gaps.map(lambda gap: f"290364{gap}1234") | st.sampled_from(
    ["29.03.64-1234", "29/03/64 - 1234", "29-03-64-1234", "29 03 64\N{EN DASH}1234"]
)
words = st.text(st.characters(categories=["L", "P", "Zs"], exclude_characters='"'), max_size=18)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(words, spellings, words)
def test_a_large_register_is_looked_at_as_closely(tmp_path_factory, before, number, after):
    """Most rows of a large register are read in columns, where the number is looked for in bits."""
    path = tmp_path_factory.getbasetemp() / "large.tsv"
    row = "{}\tanalysis\tgiven\t2024-01-01T00:00:00Z\t2024-01-01T00:00:00Z\t{}\n"
    header = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
    good = "".join(row.format(f"p{n}", "form 2025-17 of 31-05-2021") for n in range(5))
    now = datetime(2025, 1, 1, tzinfo=UTC)
    path.write_text(header + good)
    assert read_columns(path, now) is not None
    path.write_text(header + good + row.format("p9", f"{before}{number}{after}"))
    with pytest.raises(ProblemsError) as refused:
        read_columns(path, now)
    assert LOOKS in str(refused.value)
    assert "1234" not in str(refused.value)


# Configuration


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("build: small", "build: '{}'", "reference.build"),
        ("results: results", "results: of-{}", "results"),
        ("root: ngd", "root: x/{}/ngd", "ngd.root"),
        ("vault: vault", "vault: '{}'", "ngd.vault"),
        ("ngd:", "  par_bed: '{}.bed'\nngd:", "reference.par_bed"),
        ("ngd:", "  x: '{}'\nngd:", "reference.x"),
        ("results:", "policy:\n  optout_list: '{}'\nresults:", "policy.optout_list"),
        ("results:", "truth:\n  '{}':\n    vcf: a\n    bed: b\nresults:", "truth.[withheld]"),
    ],
)
@pytest.mark.parametrize("number", [PLAIN, HYPHEN])
def test_values_of_the_configuration(small_project, old, new, key, number):
    small_project.replace("config.yaml", old, new.format(number))
    lines = [line for line in refusal(small_project) if LOOKS in line]
    assert any(f": {key} holds {LOOKS}" in line for line in lines)


def test_unknown_keys_and_overrides(small_project):
    refusal(small_project, "--config-json", f'{{"results": "{HYPHEN}"}}')
    refusal(small_project, "--config-json", f'{{"{HYPHEN}": 1}}')
    small_project.append("config.yaml", f"{HYPHEN}: 1\n")
    refusal(small_project)


def test_amounts_of_the_configuration_are_none(small_project):
    small_project.append(
        "config.yaml", "qc:\n  thresholds:\n    yield_bp_q30: {pass_min: 2903641234}\n"
    )
    assert small_project.check().code == 0


@pytest.mark.parametrize("name", [PLAIN, HYPHEN, SPACE])
def test_the_folder_of_the_project(small_project, name):
    folder = small_project.folder.with_name(name)
    small_project.folder.rename(folder)
    small_project.folder = folder
    assert any(
        f"the folder of the configuration holds {LOOKS}" in e for e in refusal(small_project)
    )


def test_a_link_hides_no_folder(small_project):
    real = small_project.folder.with_name(HYPHEN)
    real.mkdir()
    small_project.path("results").symlink_to(real)
    assert f": the folder of results holds {LOOKS}" in the_problem(small_project)


# Headers and names of reads


def write_cram(project, *lines):
    header = "@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:3000\n@SQ\tSN:chrX\tLN:1000\n"
    header += "".join(f"{line}\n" for line in lines)
    text = pysam.AlignmentHeader.from_text(header)
    path = str(project.path("S2.cram"))
    with pysam.AlignmentFile(path, "wc", header=text, format_options=[b"no_ref=1"]) as file:
        read = pysam.AlignedSegment(file.header)
        read.query_name, read.query_sequence, read.flag = "r", "ACGT", 4
        file.write(read)


@pytest.mark.parametrize(
    "line",
    [
        "@RG\tID:{}\tSM:S2",
        "@RG\tID:1\tSM:S2\tDS:blood of {}",
        "@RG\tID:1\tSM:S2\tLB:{}",
        "@RG\tID:1\tSM:S2\tPU:FLOW.1.{}",
        "@CO\t{}",
        "@CO\tdrawn 2021-05-31, patient {}.",
        "@PG\tID:bwa\tPN:bwa\tCL:bwa mem ref.fa /in/{}_R1.fastq.gz",
        "@SQ\tSN:chrZ\tLN:10\tSP:{}",
    ],
)
@pytest.mark.parametrize("number", [PLAIN, HYPHEN, SPACE])
def test_header_of_a_cram(small_project, line, number):
    small_project.add_sample("S2", "person-two", "male\t\t\t", cram="S2.cram")
    more = [] if line.startswith("@RG") else ["@RG\tID:1\tSM:S2"]
    write_cram(small_project, *more, line.format(number))
    said = the_problem(small_project)
    assert said.startswith(f"units.tsv:3: cram of sample S2, S2.cram, holds {LOOKS} in line ")
    assert f"({line[:3]})" in said


def test_header_of_a_cram_that_names_the_person_as_its_sample(small_project):
    small_project.add_sample("S2", "person-two", "male\t\t\t", cram="S2.cram")
    write_cram(small_project, f"@RG\tID:1\tSM:{HYPHEN}")
    assert "is of sample [withheld]" in "\n".join(refusal(small_project))


def write_gvcf(project, text, name="S2.g.vcf"):
    path = project.write(name, text)
    pysam.tabix_compress(str(path), f"{path}.gz", force=True)
    path.unlink()


@pytest.mark.parametrize(
    "line",
    [
        "##source={}",
        "##comment=of the patient {} in the ward",
        "##{}=x",
        '##GATKCommandLine=<ID=HaplotypeCaller,CommandLine="--input /in/{}.bam",Version="4.2">',
        "##bcftools_viewCommand=view -s {} a.vcf; Date=Fri Sep 26 2025",
        "##SAMPLE=<ID=S2,Description={}>",
        "##contig=<ID=chr7,length=500,species={}>",
    ],
)
@pytest.mark.parametrize("number", [PLAIN, HYPHEN, SPACE])
def test_header_of_a_gvcf(small_project, line, number):
    small_project.add_sample("S2", "person-two", "male\t\t\t", gvcf="S2.g.vcf.gz")
    write_gvcf(small_project, GVCF.format(f"{line.format(number)}\n"))
    said = the_problem(small_project)
    assert said.startswith(f"units.tsv:3: gvcf of sample S2, S2.g.vcf.gz, holds {LOOKS} in line 7")


def test_header_of_a_gvcf_that_names_the_person_as_its_sample(small_project):
    small_project.add_sample("S2", "person-two", "male\t\t\t", gvcf="S2.g.vcf.gz")
    write_gvcf(small_project, GVCF.format("").replace("S2", HYPHEN))
    assert "is of [withheld]" in "\n".join(refusal(small_project))


def test_header_of_a_truth(small_project):
    write_gvcf(small_project, GVCF.format(f"##of={HYPHEN}\n"), "truth.vcf")
    small_project.write("truth.bed", "chr1\t0\t10\n")
    truth = "truth:\n  S1:\n    vcf: truth.vcf.gz\n    bed: truth.bed\n"
    small_project.append("config.yaml", truth)
    assert f"truth.S1.vcf, truth.vcf.gz, holds {LOOKS} in line 7" in the_problem(small_project)


@pytest.mark.parametrize("number", [PLAIN, HYPHEN, "290364_1234"])
@pytest.mark.parametrize("name", ["{}", "{}:7:FLOW:1:1101:9:9 1:N:0:ACGT", "r9 {}", "r9\tCO:Z:{}"])
def test_names_of_reads(small_project, name, number):
    mates = [f"ST-1:7:FLOW:1:1101:{read}:{read}" for read in range(20)]
    mates[9] = name.format(number)
    for mate in (1, 2):
        small_project.write_fastq(f"S1_R{mate}.fastq.gz", mates)
    lines = [line for line in refusal(small_project) if LOOKS in line]
    assert [line.split()[1] for line in lines] == ["fastq_1", "fastq_2"]
    assert all("names read 10 with" in line for line in lines)


# What is no such number


@pytest.mark.parametrize(
    "line",
    [
        "##contig=<ID=chr1,length=2903641234>",
        "##contig=<ID=chr1,assembly=b37,length=1203040506,md5=29036412342903641234290364123412>",
        '##GATKCommandLine.HC=<ID=HC,Version=3.4,Date="Thu Dec 17 2015",Epoch=1012151234>',
        "##contig=<ID=c,length=5,md5=a2903641234abcdefabcdefabcdefabc>",
        '##DRAGENVersion=<ID=dragen,Version="SW: 07.021.604.3.7.8, HW: 07.021.604">',
        "##fileDate=20210531",
        "##startTime=2021-05-31 14:30:12",
        "@SQ\tSN:chr1\tLN:2903641234\tM5:a2903641234abcdefabcdefabcdefabc",
        "@RG\tID:1\tSM:S2\tDT:2021-05-31T14:30:00+0100\tPI:350",
    ],
)
def test_amounts_digests_and_dates_in_headers_are_none(line):
    assert identifying_line([line]) == 0


@pytest.mark.parametrize(
    "name",
    [
        b"@V300012345L1C001R0101200001/1",  # row 010, read 1200001
        b"@E100001234L1C012R01001012345/2",
        b"@A00123:45:HMTTCCCXX:1:1101:10291:1234 1:N:0:ACGTACGT+ACGTACGT",
        b"@SRR1234567.120304 length=151",
        b"@3f2a0101-9012-4345-8234-a0101901234f runid=6e010190 read=1203 ch=4 start_time=2021",
        b"@m64011_190830_220126/4194370/ccs",
    ],
)
def test_names_that_instruments_give_are_none(name):
    assert identifying_read([name]) == 0


def test_a_number_beside_the_place_on_a_flowcell_is_one():
    assert identifying_read([b"@V2903641234L1C001R0101200001"]) == 1


def test_no_real_header_and_no_real_read_is_taken_for_a_person():
    if not SHARED_DATA.is_dir():
        pytest.skip(f"{SHARED_DATA} is not here")
    headers = reads = 0
    for path in sorted(SHARED_DATA.rglob("*.vcf.gz")):
        headers += 1
        assert identifying_line(vcf_header_lines(path)) == 0, path.name
    for path in sorted(SHARED_DATA.rglob("*.fastq.gz")):
        reads += 1
        with gzip.open(path) as file:
            names = [
                line for number, line in zip(range(4000), file, strict=False) if number % 4 == 0
            ]
        assert identifying_read(names) == 0, path.name
    assert headers
    assert reads


def test_no_message_says_a_number():
    assert str(WgsError(f"/data/{HYPHEN}/x: not there")) == "/data/[withheld]/x: not there"
