import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from wgs_pipeline.readgroups import (
    header_arguments,
    header_line,
    read_group_id,
    stream_arguments,
)
from wgs_pipeline.sheets import read_units


@pytest.fixture
def unit(tmp_path):
    sheet = tmp_path / "units.tsv"
    sheet.write_text(
        "sample_id\tlibrary_id\tflowcell\tlane\tfastq_1\tfastq_2\n"
        "S1\tL1\tFC1\t3\t/reads/a_1.fq.gz\t/reads/a_2.fq.gz\n"
    )
    return read_units(sheet)[0]


def test_one_library_on_one_lane_is_one_read_group(unit):
    others = [replace(unit, library_id="L2"), replace(unit, lane="4"), replace(unit, flowcell="F")]
    identities = [read_group_id(each) for each in (unit, *others)]
    assert identities == ["FC1.3.L1", "FC1.3.L2", "FC1.4.L1", "F.3.L1"]


def test_header_line(unit):
    line = r"@RG\tID:FC1.3.L1\tSM:S1\tLB:L1\tPL:ILLUMINA\tPU:FC1.3.L1"
    assert header_line(unit, "ILLUMINA") == line
    assert shlex.split(header_arguments([unit, unit], "ILLUMINA")) == ["-H", rf"{line}\n{line}"]


def test_stream_arguments(unit):
    digest = "0" * 32
    spaced = replace(
        unit, fastq_1=Path("/my reads/$x 'y'.fq"), fastq_2=Path("/b;c.fq"), md5_1=None, md5_2=digest
    )
    assert shlex.split(stream_arguments([unit, spaced])) == [
        *("--lane", "FC1.3.L1", "L1", "/reads/a_1.fq.gz", "/reads/a_2.fq.gz"),
        *("--lane", "FC1.3.L1", "L1", "/my reads/$x 'y'.fq", "/b;c.fq"),
        *("--md5", "/b;c.fq", digest),
    ]
