"""Structural variants and copy number through the workflow: planted ones, and a real deletion.

One run of one planted genome of 170 kb (30 s) and one of three real people (40 s).
"""

from __future__ import annotations

import gzip
import shutil
import subprocess

import numpy as np
import pytest

from isec import bcftools
from rules import run_rule
from running import SHARED_DATA, THRESHOLDS, write_project
from wgs_pipeline.toy.fastq import write_lane
from wgs_pipeline.toy.fragments import draw_fragments, lay_template, sequenced_coverage
from wgs_pipeline.toy.haplotypes import Molecule
from wgs_pipeline.toy.nucleotides import decode
from wgs_pipeline.toy.people import LANES
from wgs_pipeline.toy.structural import Event, plant

REAL = SHARED_DATA / "sv-platinum-chr4"
RULES = ("--until", "call_structural", "call_copy_number")
QC = {"thresholds": THRESHOLDS, "early_stop": False}


def event(contig, start, length, kind, copies, inserted=()):
    end = start if kind == "INS" else start + length
    return Event(contig, start, end, kind, length, copies, np.array(inserted, np.uint8))


#: A man: two copies of chr1, one of chrX.
EVENTS = [
    event("chr1", 10_000, 500, "DEL", (0,)),
    event("chr1", 20_000, 1_200, "DUP", (1,)),
    event("chr1", 30_000, 1_500, "INV", (0, 1)),
    event("chr1", 40_000, 70, "INS", (0,), np.random.default_rng(3).integers(0, 4, 70)),
    event("chr1", 50_000, 8_000, "DEL", (1,)),
    event("chr1", 70_000, 6_000, "DUP", (0, 1)),
    event("chrX", 20_000, 5_000, "DEL", (0,)),
]
LENGTHS = {"chr1": 110_000, "chrX": 60_000}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    rng = np.random.default_rng(7)
    genome = {name: rng.integers(0, 4, length).astype(np.uint8) for name, length in LENGTHS.items()}
    fasta = folder / "genome.fa"
    fasta.write_text("".join(f">{name}\n{decode(codes)}\n" for name, codes in genome.items()))
    molecules = []
    for contig, copy in (("chr1", 0), ("chr1", 1), ("chrX", 0)):
        own = [each for each in EVENTS if each.contig == contig and copy in each.copies]
        molecules.append(Molecule(contig, plant(genome[contig], own)))
    reads = [folder / f"reads_R{mate}.fastq.gz" for mate in (1, 2)]
    fragments = draw_fragments(molecules, sequenced_coverage(30), rng)
    write_lane(tuple(reads), LANES[0], lay_template(molecules), fragments, rng)
    unit = {"sample_id": "man", "library_id": "A", "flowcell": "HSYN", "lane": "L001"}
    project = write_project(
        folder / "project",
        [{"sample_id": "man", "patient_id": "SYN-1", "sex": "male"}],
        [unit | {f"fastq_{mate}": str(path) for mate, path in enumerate(reads, 1)}],
        {"build": "planted", "fasta": str(fasta)},
        calling={"scatter_count": 1},
        qc=QC,
        structural={"enabled": True},
    )
    project.complete(*RULES)
    return project


def passing(vcf, shape):
    rows = bcftools("query", "-i", 'FILTER="PASS"', "-f", f"{shape}\n", vcf).splitlines()
    return [row.split() for row in rows]


def test_planted_events_are_called_and_genotyped(planted):
    shape = "%CHROM %POS %INFO/END %SVTYPE %SVLEN %CALLERS [%GT]"
    found = passing(planted.results / "structural/man.vcf.gz", shape)
    assert [(row[0], row[3]) for row in found] == [(each.contig, each.kind) for each in EVENTS]
    for row, each in zip(found, EVENTS, strict=True):
        # Bases that both ends share let an event be placed some bases off.
        assert abs(int(row[1]) - each.start) <= 10, row
        assert abs(abs(int(row[4])) - each.length) <= 10, row
        if each.kind != "INS":
            assert row[5] == "delly,dysgu"
            assert abs(int(row[2]) - each.end) <= 10, row
        both = "1" if each.contig == "chrX" else "1/1"
        homozygous = each.contig == "chrX" or len(each.copies) == 2
        assert row[6] == (both if homozygous else "0/1"), row


def test_planted_copies_are_told_from_depth(planted):
    # What is shorter than three bins of 1 kb cannot be seen.
    events = [each for each in EVENTS if each.kind in ("DEL", "DUP") and each.length >= 3000]
    shape = "%CHROM %POS0 %INFO/END %SVTYPE [%GT %CN %CNE]"
    found = passing(planted.results / "copy_number/man.vcf.gz", shape)
    for row, each in zip(found, events, strict=True):
        assert (row[0], row[3]) == (each.contig, each.kind)
        assert abs(int(row[1]) - each.start) <= 1000, row
        assert abs(int(row[2]) - each.end) <= 1000, row
    assert [row[4:] for row in found] == [["0/1", "1", "2"], ["./1", "4", "2"], ["1", "0", "1"]]


def test_the_track_has_every_bin(planted):
    text = gzip.decompress((planted.results / "copy_number/man.bedgraph.gz").read_bytes()).decode()
    rows = [line.split("\t") for line in text.splitlines()]
    assert [(row[0], int(row[1])) for row in rows] == [
        (contig, start) for contig, length in LENGTHS.items() for start in range(0, length, 1000)
    ]
    copies = {(row[0], int(row[1])): float(row[3]) for row in rows}
    plain = [copies["chr1", start] for start in range(80_000, 109_000, 1000)]
    assert np.median(plain) == pytest.approx(2, abs=0.1)


def test_another_bound_calls_again_and_nothing_else(planted):
    planted.edit_config(structural={"merge_distance": 400})
    jobs = planted.run("--dry-run", *RULES).jobs
    assert jobs == {"call_structural": 1}
    planted.edit_config(structural={"copy_number": {"penalty": 4}})
    assert planted.run("--dry-run", *RULES).jobs == {"call_copy_number": 1}


INPUTS = ("cram", "fasta", "excluded", "ploidy")
PARAMS = (
    *("callers", "min_size", "min_support", "min_mapping_quality", "min_probability"),
    *("max_distance", "min_overlap", "contigs", "bin_size", "penalty", "min_bins", "max_gap"),
    *("min_known", "min_quality"),
)

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"needs {REAL.name} in {SHARED_DATA}")
#: By its README: chr4:115,928,726-115,931,880, in coordinates of the window.
OFFSET, FIRST, LAST = 115_922_318, 115_928_726, 115_931_880
TRUTH = {"NA12878": "0/1", "NA12889": "1/1", "NA12890": "0/1"}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    fasta = folder / "window.fa.gz"
    shutil.copy(REAL / "hg19.window.fa.gz", fasta)
    units = [
        {"sample_id": name, "library_id": name, "flowcell": "F", "lane": "L001"}
        | {f"fastq_{mate}": str(REAL / f"{name}_R{mate}.fastq.gz") for mate in (1, 2)}
        for name in TRUTH
    ]
    persons = [{"sample_id": name, "patient_id": f"SYN-{name}"} for name in TRUTH]
    project = write_project(
        folder / "project",
        persons,
        units,
        {"build": "window", "fasta": str(fasta)},
        calling={"scatter_count": 1},
        qc=QC,
        structural={"enabled": True},
    )
    project.complete(*RULES)
    return project


@needs_real
@pytest.mark.parametrize("name", TRUTH)
def test_the_real_deletion_is_genotyped_by_both_callers(people, name):
    shape = "%SVTYPE %POS %INFO/END %CALLERS [%GT %CG]"
    ((kind, position, end, callers, genotype, each),) = passing(
        people.results / f"structural/{name}.vcf.gz", shape
    )
    assert (kind, callers) == ("DEL", "delly,dysgu")
    # POS is the base before the first that is gone.
    assert abs(int(position) + OFFSET + 1 - FIRST) <= 10
    assert abs(int(end) + OFFSET - LAST) <= 10
    assert (genotype, each) == (TRUTH[name], f"{TRUTH[name]},{TRUTH[name]}")


@needs_real
@pytest.mark.parametrize("name", TRUTH)
def test_the_real_deletion_is_seen_in_the_depth(people, name):
    # 16 bins are too few to calibrate on: what is compared is inside with outside.
    track = people.results / f"copy_number/{name}.bedgraph.gz"
    rows = [line.split("\t") for line in gzip.decompress(track.read_bytes()).decode().splitlines()]
    inside = [float(row[3]) for row in rows if 7000 <= int(row[1]) < 9000]
    outside = [float(row[3]) for row in rows if not 5000 <= int(row[1]) < 10_000]
    copies = 2 * np.median(inside) / np.median(outside)
    assert round(copies) == 2 - TRUTH[name].count("1")


def test_bcftools_reads_every_file_without_a_warning(planted):
    for folder in ("structural", "copy_number"):
        vcf = planted.results / folder / "man.vcf.gz"
        done = subprocess.run(
            ["bcftools", "stats", vcf], capture_output=True, text=True, check=True
        )
        assert done.stderr == ""


@pytest.mark.parametrize(
    ("rule", "outputs"),
    [
        ("call_structural", {"vcf": "s.vcf.gz", "tbi": "s.vcf.gz.tbi"}),
        (
            "call_copy_number",
            {
                **{"vcf": "c.vcf.gz", "tbi": "c.vcf.gz.tbi"},
                **{"tsv": "c.tsv", "track": "c.bedgraph.gz"},
            },
        ),
    ],
)
def test_a_stopped_sample_has_files_without_calls(tmp_path, rule, outputs):
    (tmp_path / "ref.fa.fai").write_text("chr1\t1000\t6\t60\t61\n")
    run_rule(
        tmp_path,
        "structural.smk",
        rule,
        input={"fai": "ref.fa.fai", **dict.fromkeys(INPUTS, "no_such_file")},
        output=outputs,
        params={"proceeds": "false", **dict.fromkeys(PARAMS, "none")},
        wildcards={"sample": "S1"},
    )
    text = gzip.decompress((tmp_path / outputs["vcf"]).read_bytes()).decode()
    assert "##wgs_pipeline_not_called=" in text
    assert [line for line in text.splitlines() if not line.startswith("#")] == []
    assert {path.name for path in tmp_path.iterdir()} == {
        *outputs.values(), "ref.fa.fai", "log.txt"
    }  # fmt: skip
