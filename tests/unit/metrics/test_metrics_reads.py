"""Counts of reads, pairs and qualities against ``samtools stats`` itself, on random records."""

import io
import shutil
import subprocess
from pathlib import Path

import pysam
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from wgs_pipeline.metrics import pileup
from wgs_pipeline.metrics.alignment_pass import Counter, Regions
from wgs_pipeline.reference import Contig, Role

LENGTHS = {"chr1": 2_000, "chr2": 500}
HEADER = pysam.AlignmentHeader.from_dict(
    {
        "HD": {"VN": "1.6", "SO": "coordinate"},
        "SQ": [{"SN": name, "LN": n} for name, n in LENGTHS.items()],
    }
)
SECTIONS = ("SN", "FFQ", "LFQ", "GCF", "GCL", "IS", "RL", "FRL", "LRL")
#: Pairs in every orientation, unpaired and odd reads, unmapped ones, copies that do not count.
FLAGS = [
    *(0, 16, 4, 1, 17, 65, 129, 193, 77, 141, 73, 137, 69, 133, 99, 147, 83, 163, 67, 115, 131),
    *(179, 97, 145, 81, 161, 99 + 1024, 147 + 1024, 256 + 99, 512 + 99, 512 + 256 + 99),
    *(2048 + 99, 2048 + 147 + 1024, 2048 + 4, 1024 + 16, 1024 + 4),
]
CIGARS = ["20M", "5S15M", "8M2D12M", "6M3I11M", "10=5X5M", "8M40N12M", "4H20M", "20M7H", "310M"]


@pytest.fixture(scope="module")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "toy.fa"
    path.write_text("".join(f">{name}\n{'ACGTG' * (n // 5)}\n" for name, n in LENGTHS.items()))
    pysam.faidx(str(path))
    return path


@st.composite
def records(draw: st.DrawFn) -> pysam.AlignedSegment:
    read = pysam.AlignedSegment(HEADER)
    read.query_name = "read"
    read.flag = draw(st.sampled_from(FLAGS))
    read.cigarstring = draw(st.sampled_from(CIGARS))
    length = read.infer_query_length() or 0
    if draw(st.integers(0, 9)):
        read.query_sequence = draw(st.text("ACGTNR", min_size=length, max_size=length))
        if draw(st.integers(0, 9)):
            quality = st.sampled_from([0, 2, 30, 37, 41, 93])
            read.query_qualities = draw(st.lists(quality, min_size=length, max_size=length))
    if read.is_unmapped:
        read.cigarstring = None
    place = draw(st.sampled_from([-1, 0, 1])) if read.is_unmapped else draw(st.integers(0, 1))
    read.reference_id = place
    read.reference_start = draw(st.integers(0, 150)) if place >= 0 else -1
    read.next_reference_id = draw(st.sampled_from([-1, 0, 0, 0, 1]))
    read.next_reference_start = draw(st.integers(0, 150)) if read.next_reference_id >= 0 else -1
    read.template_length = draw(st.sampled_from([0, 0, 7, -7, 90, -90, 7999, 8000, 8001, -9000]))
    read.mapping_quality = draw(st.sampled_from([0, 1, 60]))
    if draw(st.booleans()):
        read.set_tag("NM", draw(st.integers(0, 300)))
    read.set_tag("RG", "1")
    return read


def lines_of(text: str) -> list[str]:
    """Lines of the sections that we make, without the remarks at their end."""
    return [line.split("\t#")[0] for line in text.splitlines() if line.split("\t")[0] in SECTIONS]


@pytest.mark.skipif(not shutil.which("samtools"), reason="samtools is not installed")
@given(reads=st.lists(records(), max_size=12), block=st.sampled_from([100, 1 << 20]))
@example(reads=[], block=1 << 20)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_line_is_that_of_samtools_stats(
    reads: list[pysam.AlignedSegment], block: int, fasta: Path, tmp_path: Path
) -> None:
    path = tmp_path / "reads.bam"
    reads = sorted(reads, key=lambda read: (read.reference_id % 3, read.reference_start))
    with pysam.AlignmentFile(str(path), "wb0", header=HEADER) as file:
        for read in reads:
            file.write(read)
    contigs = [Contig(name, length, Role.AUTOSOME) for name, length in LENGTHS.items()]
    counter = Counter(Regions(contigs, (), ()), fasta)
    source = io.BytesIO(path.read_bytes())
    while counter.read(source, block):
        pass
    counter.finish()
    theirs = subprocess.run(
        ["samtools", "stats", "--filtering-flag", "QCFAIL", path],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert lines_of(counter.read_stats()) == lines_of(theirs)


def test_compiled_code_is_made_again_when_any_of_its_files_changes() -> None:
    """Of the key under which a function is kept, the files of those that it calls are a part."""
    files = {row[0] for row in pileup.count_records._cache._cache_file._source_stamp}
    assert {"bam.py", "pileup.py", "reads.py"} <= files
