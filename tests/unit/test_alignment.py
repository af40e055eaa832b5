"""The pipe from FASTQ to CRAM on planted duplicates, and the proof that nothing was lost."""

import hashlib
import json
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pysam
import pytest

from rules import need, run_rule
from wgs_pipeline import readgroups
from wgs_pipeline.aligners import ALIGNERS, PREFERENCE, is_installed
from wgs_pipeline.alignment import verify
from wgs_pipeline.cli import main
from wgs_pipeline.errors import AlignmentError
from wgs_pipeline.sheets import read_units

SAMPLE = "S1"
LENGTH, READ, FRAGMENT = 20_000, 100, 300
#: Lanes of the sample: (library, flowcell, lane).
LANES = (("A", "FC1", 1), ("A", "FC1", 2), ("B", "FC2", 1))
COMPLEMENT = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True)
class Aligned:
    """What the rule wrote."""

    folder: Path
    cram: Path
    fasta: Path
    tally: Path

    def verify(self, **changed):
        arguments = {
            "cram": self.cram,
            "reference": self.fasta,
            "sample": SAMPLE,
            "tally": self.tally,
        }
        return verify(**(arguments | changed))

    def refused(self, **changed):
        with pytest.raises(AlignmentError) as error:
            self.verify(**changed)
        return str(error.value)


def reverse_complement(bases):
    return bases.translate(COMPLEMENT)[::-1]


def planted(genome, rng):
    """Read pairs by lane: (name, read 1, read 2).

    The word before the number says what is planted; "a.1", "a.2" and "b.1" are the lanes.
    """
    lanes = {"a.1": [], "a.2": [], "b.1": []}

    def pair(start, size=FRAGMENT):
        fragment = genome[start : start + size]
        return fragment[:READ], reverse_complement(fragment)[:READ]

    def add(lane, name, reads):
        lanes[lane].append((f"{name}:{lane}:{len(lanes[lane])}", *reads))

    for lane in lanes:
        for _ in range(150):
            add(
                lane,
                "unique",
                pair(rng.randrange(8000, LENGTH - FRAGMENT), rng.randrange(250, 350)),
            )

    def lonely(start):
        """Read 2 is from nowhere: only read 1 maps, and its mate lies beside it."""
        return pair(start)[0], "".join(rng.choices("ACGT", k=READ))

    for number in range(5):
        start = 100 + 1000 * number
        for lane in ("a.1", "a.2"):
            add(lane, "within", pair(start))
        for lane in ("a.1", "b.1"):
            add(lane, "between", pair(start + 10))
        for lane in ("a.1", "a.1", "b.1"):
            add(lane, "both", pair(start + 20))
        for lane in ("a.1", "a.2", "b.1"):
            add(lane, "single", lonely(start + 30))
        # A lonely read where a pair begins, of the same library and of the other.
        add("a.1", "pair", pair(start + 40))
        add("a.2", "same", lonely(start + 40))
        add("b.1", "other", lonely(start + 40))
    add("b.1", "empty", ("", ""))
    return lanes


#: Others give bwa's records (test_aligner_programs.py), and are run where they are installed.
RUN = [name for name in ALIGNERS if name in PREFERENCE or is_installed(name)]


@pytest.fixture(scope="module", params=RUN)
def aligned(tmp_path_factory, request):
    need(request.param, "samtools")
    folder = tmp_path_factory.mktemp("aligned")
    rng = random.Random(11)
    genome = "".join(rng.choices("ACGT", k=LENGTH))
    fasta = folder / "genome.fa"
    fasta.write_text(f">chr1\n{genome}\n")
    pysam.faidx(str(fasta))
    subprocess.run([request.param, "index", fasta], check=True, capture_output=True)
    lanes = planted(genome, rng)
    rows = ["sample_id\tlibrary_id\tflowcell\tlane\tfastq_1\tfastq_2\n"]
    for (library, flowcell, lane), pairs in zip(LANES, lanes.values(), strict=True):
        paths = [folder / f"{library}{lane}_R{mate}.fq" for mate in (1, 2)]
        for mate, path in enumerate(paths, start=1):
            records = (
                f"@{each[0]}/{mate}\n{each[mate]}\n+\n{'I' * len(each[mate])}\n" for each in pairs
            )
            path.write_text("".join(records))
        cells = (SAMPLE, library, flowcell, lane, *paths)
        rows.append("\t".join(map(str, cells)) + "\n")
    (folder / "units.tsv").write_text("".join(rows))
    units = read_units(folder / "units.tsv")
    run_rule(
        folder, "align.smk", "align", threads=2,
        input={"fasta": "genome.fa"},
        output={
            "cram": "alignment/S1.cram", "crai": "alignment/S1.cram.crai", "tally": "reads.json",
            "duplicates": "markdup.txt",
        },
        params={
            "lanes": readgroups.stream_arguments(units),
            "read_groups": readgroups.header_arguments(units, "ILLUMINA"),
            "aligner": ALIGNERS[request.param].command, "prefix": "genome.fa",
            "optical_distance": 100, "batch": 100_000_000,
        },
    )  # fmt: skip
    return Aligned(folder, folder / "alignment" / "S1.cram", fasta, folder / "reads.json")


@pytest.fixture(scope="module")
def records(aligned):
    """Primary records of the CRAM by what was planted."""
    found = {}
    with pysam.AlignmentFile(str(aligned.cram), reference_filename=str(aligned.fasta)) as file:
        for record in file:
            assert not record.is_secondary
            assert not record.is_supplementary
            found.setdefault(record.query_name.split(":")[0], []).append(record)
    return found


def judged(records):
    """Names of the pairs that are marked as duplicates, and the libraries of those that are not."""
    mapped = [record for record in records if not record.is_unmapped]
    marked = {record.query_name for record in mapped if record.is_duplicate}
    kept = {(r.query_name, r.get_tag("LB")) for r in mapped if r.query_name not in marked}
    return marked, sorted(library for _, library in kept)


def test_duplicates_within_a_library_are_marked(records):
    marked, kept = judged(records["within"])
    assert len(records["within"]) == 20
    assert len(marked) == 5
    assert kept == ["A"] * 5


def test_duplicates_between_libraries_are_not_marked(records):
    marked, kept = judged(records["between"])
    assert not marked
    assert kept == ["A"] * 5 + ["B"] * 5


def test_duplicates_within_and_between(records):
    marked, kept = judged(records["both"])
    assert len(marked) == 5
    assert all(":a.1:" in name for name in marked)
    assert kept == ["A"] * 5 + ["B"] * 5


def test_reads_whose_mate_does_not_map(records):
    marked, kept = judged(records["single"])
    assert sum(record.is_unmapped for record in records["single"]) == 15
    assert len(marked) == 5
    assert all(":a." in name for name in marked)
    assert kept == ["A"] * 5 + ["B"] * 5


def test_lonely_reads_where_a_pair_begins(records):
    assert len(judged(records["same"])[0]) == 5
    assert judged(records["other"]) == (set(), ["B"] * 5)
    assert judged(records["pair"]) == (set(), ["A"] * 5)


def test_reads_without_bases_arrive(records):
    assert [record.query_length for record in records["empty"]] == [0, 0]


def test_every_read_has_the_group_of_its_lane(records):
    groups = {"a.1": "FC1.1.A", "a.2": "FC1.2.A", "b.1": "FC2.1.B"}
    for record in (record for each in records.values() for record in each):
        assert record.get_tag("RG") == groups[record.query_name.split(":")[1]]
        assert not record.query_name.endswith(("/1", "/2"))


def test_header(aligned):
    with pysam.AlignmentFile(str(aligned.cram), reference_filename=str(aligned.fasta)) as file:
        header = file.header.to_dict()
    assert header["HD"]["SO"] == "coordinate"
    names = [f"{flowcell}.{lane}.{library}" for library, flowcell, lane in LANES]
    assert header["RG"] == [
        {"ID": name, "SM": SAMPLE, "LB": name[-1], "PL": "ILLUMINA", "PU": name} for name in names
    ]


def test_verified(aligned):
    pairs = json.loads(aligned.tally.read_text())["pairs"]
    assert pairs == 450 + 5 * (2 + 2 + 3 + 3 + 3) + 1
    expected = {
        "reads": 2 * pairs,
        "read_groups": ["FC1.1.A", "FC1.2.A", "FC2.1.B"],
        "md5": hashlib.md5(aligned.cram.read_bytes(), usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(aligned.cram.read_bytes()).hexdigest(),
    }
    assert aligned.verify() == expected
    assert aligned.verify(tally=None) == expected


def rewritten(aligned, path, *arguments):
    """The CRAM as samtools view writes it with some arguments."""
    command = ["samtools", "view", "--cram", "--reference", aligned.fasta, "-o", path, *arguments]
    subprocess.run([*command, aligned.cram], check=True)
    return path


def test_reads_are_missing(aligned, tmp_path):
    cram = rewritten(aligned, tmp_path / "less.cram", "-e", 'qname != "unique:a.1:7"')
    said = aligned.refused(cram=cram)
    assert f"{cram}: holds 1030 reads; expected the 1032 of the FASTQ files" in said
    assert aligned.verify(cram=cram, tally=None)["reads"] == 1030


def test_truncated(aligned, tmp_path):
    cram, content = tmp_path / "cut.cram", aligned.cram.read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 1):
        cram.write_bytes(content[:size])
        assert f"{cram}: is truncated or is not a CRAM" in aligned.refused(cram=cram)
    # Cut, and closed by whoever cut it: the end is there, the reads before it are not.
    end = content[-38:]
    cram.write_bytes(content[: len(content) // 2] + end)
    assert f"{cram}: " in aligned.refused(cram=cram)


def test_another_sample(aligned):
    said = aligned.refused(sample="S2")
    assert "its read groups are of ['S1']; expected SM:S2" in said


@pytest.mark.parametrize(
    ("dropped", "found"), [("@RG", "its read groups are of no sample"), ("M5", "has no M5")]
)
def test_header_lacks(aligned, tmp_path, dropped, found):
    # samtools adds the M5 to every CRAM that it writes; to a BAM it does not.
    bam, header = tmp_path / "other.bam", tmp_path / "header.sam"
    rewritten(aligned, bam, "--output-fmt", "bam")
    text = subprocess.check_output(["samtools", "view", "-H", bam], text=True)
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith(dropped)]
    kept = ["\t".join(field for field in line if field[:2] != dropped) for line in lines]
    header.write_text("\n".join(kept) + "\n")
    cram = tmp_path / "other.cram"
    with cram.open("wb") as file:
        subprocess.run(["samtools", "reheader", header, bam], stdout=file, check=True)
    assert f"{cram}: " in aligned.refused(cram=cram)
    assert found in aligned.refused(cram=cram)


def test_not_an_alignment(aligned, tmp_path):
    text = tmp_path / "text.cram"
    text.write_text("no alignment\n")
    assert "is truncated or is not a CRAM" in aligned.refused(cram=text)
    assert "is truncated or is not a CRAM" in aligned.refused(cram=tmp_path / "none.cram")
    assert f"{text}: is not a tally of reads" in aligned.refused(tally=text)
    assert "none.json: is not a tally" in aligned.refused(tally=tmp_path / "none.json")


def wgs_verify(aligned, cram, outdir, capsys):
    arguments = ["--sample", SAMPLE, "--fasta", aligned.fasta, "--tally", aligned.tally]
    arguments += ["--md5", outdir / "S1.cram.md5", "-o", outdir / "S1.json"]
    with pytest.raises(SystemExit) as stop:
        main(["alignment", "verify", str(cram), *map(str, arguments)])
    return stop.value.code or 0, capsys.readouterr().err


def test_command(aligned, tmp_path, capsys):
    outdir = tmp_path / "out"
    assert wgs_verify(aligned, aligned.cram, outdir, capsys) == (0, "")
    assert json.loads((outdir / "S1.json").read_text()) == aligned.verify()
    shutil.copy(aligned.cram, outdir / "S1.cram")
    subprocess.run(["md5sum", "--check", "--quiet", "S1.cram.md5"], cwd=outdir, check=True)


def test_command_leaves_nothing_of_a_broken_alignment(aligned, tmp_path, capsys):
    cram = tmp_path / "S1.cram"
    cram.write_bytes(aligned.cram.read_bytes()[:-9])
    code, said = wgs_verify(aligned, cram, tmp_path / "out", capsys)
    assert code == 1
    assert said.startswith(f"wgs: {cram}: is truncated")
    assert not (tmp_path / "out").exists()
