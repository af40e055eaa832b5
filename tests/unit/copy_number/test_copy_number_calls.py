import gzip
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner
from depth_builders import bins_of

from wgs_pipeline.cli import cli
from wgs_pipeline.copy_number.bins import read_bins
from wgs_pipeline.copy_number.calls import Settings, profile
from wgs_pipeline.copy_number.expected import ExpectedCopies, read_expected
from wgs_pipeline.errors import ProblemsError, StructuralError
from wgs_pipeline.reference import Interval

SETTINGS = Settings(penalty=3, min_bins=3, max_gap=50_000, min_quality=20)


def changes(*bins, settings=SETTINGS):
    found = profile(bins, ["chr1", "chr2"], settings)
    return [
        (each.contig, each.start, each.end, each.kind, each.copy_number)
        for each in found.segments
        if each.kind and each.quality >= settings.min_quality
    ]


def planted(number, *events):
    copies = np.full(number, 2)
    for start, end, value in events:
        copies[start:end] = value
    return copies


@pytest.mark.parametrize("seed", range(3))
def test_planted_copies_under_a_bias_of_gc(seed):
    rng = np.random.default_rng(seed)
    events = [(500, 503, 1), (900, 905, 0), (1500, 1540, 3), (2200, 2900, 1), (3500, 3510, 5)]
    bins = bins_of("chr1", planted(6000, *events), rng, bias=lambda gc: 1 - 6 * (gc - 0.45) ** 2)
    expected = [("chr1", 1000 * a, 1000 * b, "DEL" if n < 2 else "DUP", n) for a, b, n in events]
    assert changes(bins) == expected


def test_a_man_has_one_x_and_that_is_no_deletion():
    rng = np.random.default_rng(4)
    par = np.where(np.arange(2000) < 200, 2, 1)
    copies = par.copy()
    copies[700:720], copies[1200:1210] = 0, 2
    chromosomes = (bins_of("chr1", planted(3000), rng), bins_of("chrX", copies, rng, expected=par))
    assert changes(*chromosomes) == [
        ("chrX", 700_000, 720_000, "DEL", 0),
        ("chrX", 1_200_000, 1_210_000, "DUP", 2),
    ]


def test_a_whole_second_x_of_a_man_is_a_duplication():
    rng = np.random.default_rng(5)
    extra = bins_of("chrX", np.full(1000, 2), rng, expected=1)
    assert changes(bins_of("chr1", planted(3000), rng), extra) == [("chrX", 0, 1_000_000, "DUP", 2)]


def test_nothing_is_called_where_no_copy_is_expected():
    rng = np.random.default_rng(6)
    y = bins_of("chrY", np.full(500, 1), rng, expected=0)
    assert changes(bins_of("chr1", planted(3000), rng), y) == []


def test_bins_that_are_not_usable_are_passed_over_and_far_ones_are_apart():
    rng = np.random.default_rng(7)
    copies = planted(3000, (1000, 1200, 1))
    usable = np.ones(3000, bool)
    usable[1050:1080] = False  # 30 kb: one event
    assert changes(bins_of("chr1", copies, rng, usable=usable)) == [
        ("chr1", 1_000_000, 1_200_000, "DEL", 1)
    ]
    usable[1050:1110] = False  # 60 kb: more than may lie between
    assert changes(bins_of("chr1", copies, rng, usable=usable)) == [
        ("chr1", 1_000_000, 1_050_000, "DEL", 1),
        ("chr1", 1_110_000, 1_200_000, "DEL", 1),
    ]


@pytest.fixture
def genome(tmp_path):
    """Two contigs with N, their depth as mosdepth writes it, and what is true of them."""
    rng = np.random.default_rng(8)
    bases = np.array(list("ACGT"))
    sequences = {"chr1": rng.choice(bases, 400_500), "chrM": rng.choice(bases, 16_000)}
    sequences["chr1"][:10_000] = "N"
    fasta = tmp_path / "ref.fa"
    fasta.write_text("".join(f">{name}\n{''.join(s)}\n" for name, s in sequences.items()))
    subprocess.run(["samtools", "faidx", fasta], check=True)
    copies = planted(401, (100, 120, 1), (200, 210, 4))
    copies[:10] = 0
    rows = []
    for contig, own in (("chr1", copies), ("chrM", np.full(16, 400))):
        made = bins_of(contig, own, rng)
        ends = np.minimum(made.ends, len(sequences[contig]))
        rows += zip([contig] * len(own), made.starts, ends, made.depth, strict=True)
    depth = tmp_path / "depth.regions.bed.gz"
    text = "".join(f"{c}\t{start}\t{end}\t{value:.2f}\n" for c, start, end, value in rows)
    depth.write_bytes(gzip.compress(text.encode()))
    return tmp_path


def run(folder, *options):
    outputs = ["--vcf", folder / "cn.vcf.gz", "--track", folder / "cn.bedgraph.gz"]
    command = ["copy-number", "call", folder / "depth.regions.bed.gz", "--sample", "S1"]
    command += ["--reference", folder / "ref.fa", *outputs, "-o", folder / "cn.tsv", *options]
    return CliRunner().invoke(cli, list(map(str, command)))


def test_from_mosdepth_to_files(genome):
    done = run(genome)
    assert done.exit_code == 0, done.output
    shape = "%CHROM %POS0 %END %ALT %FILTER %SVLEN %BINS [%GT %CN %CNE]\n"
    query = ["bcftools", "query", "-f", shape, genome / "cn.vcf.gz"]
    listed = subprocess.run(query, check=True, capture_output=True, text=True)
    assert listed.stderr == ""
    # POS is the base before, as for every symbolic allele.
    assert listed.stdout.splitlines() == [
        "chr1 99999 120000 <DEL> PASS -20000 20 0/1 1 2",
        "chr1 199999 210000 <DUP> PASS 10000 10 ./1 4 2",
    ]
    rows = [line.split("\t") for line in (genome / "cn.tsv").read_text().splitlines()[1:]]
    spans = [(int(row[1]), int(row[2]), int(row[5])) for row in rows]
    assert spans == [
        (10_000, 100_000, 2), (100_000, 120_000, 1), (120_000, 200_000, 2),
        (200_000, 210_000, 4), (210_000, 400_500, 2),
    ]  # fmt: skip
    track = gzip.decompress((genome / "cn.bedgraph.gz").read_bytes()).decode().splitlines()
    assert len(track) == 391  # neither the bins of N nor the mitochondrion
    assert track[0].startswith("chr1\t10000\t11000\t")


def test_excluded_intervals(genome):
    bed = genome / "exclude.bed"
    bed.write_text("chr1\t95000\t119600\nchr1\t500\t600\n")
    assert run(genome, "--exclude", bed).exit_code == 0
    rows = [line.split("\t") for line in (genome / "cn.tsv").read_text().splitlines()[1:]]
    # The bin of 119 to 120 kb has 40 % left, too little.
    assert [row[1:3] for row in rows if row[7]] == [["200000", "210000"]]


@pytest.mark.parametrize("lost", ["bytes", "contig", "bin", "word"])
def test_depth_that_is_not_whole_is_refused(genome, lost):
    path = genome / "depth.regions.bed.gz"
    whole = path.read_bytes()
    lines = gzip.decompress(whole).splitlines(keepends=True)
    broken = {
        "bytes": whole[: len(whole) // 2],
        "contig": gzip.compress(b"".join(line for line in lines if b"chrM" not in line)),
        "bin": gzip.compress(b"".join(lines[:50] + lines[51:])),
        "word": gzip.compress(b"".join([b"chr1\t0\t1000\tmany\n", *lines[1:]])),
    }
    path.write_bytes(broken[lost])
    done = run(genome)
    assert done.exit_code == 1
    assert "easure the depth again" in str(done.exception)
    assert isinstance(done.exception, StructuralError)
    assert not (genome / "cn.tsv").exists()


def test_expected_copies(tmp_path):
    bed = tmp_path / "ploidy.bed"
    bed.write_text("chrX\t100\t200\tS1\t1\nchrX\t300\t400\tS1\t0\nchrX\t0\t999\tS2\t1\n")
    expected = read_expected(bed, "S1")
    found = [expected.at("chrX", at) for at in (99, 100, 199, 200, 300, 399, 400)]
    assert found == [2, 1, 1, 2, 0, 0, 2]
    assert expected.at("chr1", 150) == 2
    bed.write_text("chrX\t100\t200\tS1\n")
    with pytest.raises(ProblemsError, match="expected contig, start, end, sample and ploidy"):
        read_expected(bed, "S1")


def test_gc_and_known_bases_by_hand(tmp_path):
    fasta = tmp_path / "ref.fa"
    fasta.write_text(">c\nGGGGAAAATTNNNNNNNNGCgcNNNN\n")
    subprocess.run(["samtools", "faidx", fasta], check=True)
    depth = tmp_path / "d.bed.gz"
    depth.write_bytes(gzip.compress(b"c\t0\t10\t1\nc\t10\t20\t2\nc\t20\t26\t3\n"))
    (bins,) = read_bins(depth, fasta, [Interval("c", 8, 12)], ExpectedCopies(), 0.3)
    assert bins.gc.tolist() == [0.4, 1.0, 1.0]
    assert bins.usable.tolist() == [True, False, True]
    (bins,) = read_bins(depth, fasta, [Interval("c", 1, 12)], ExpectedCopies(), 0.3)
    assert bins.usable.tolist() == [False, False, True]
