import hashlib

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.checks import reference
from wgs_pipeline.checks.assemblies import assembly_of, chromosome_length, known_assembly

names = st.lists(st.from_regex(r"[A-Za-z0-9_.*]{1,12}", fullmatch=True), min_size=1, unique=True)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(data=st.data(), width=st.integers(1, 70), end=st.sampled_from(["", "\n", "\r\n\n"]))
def test_sequences_are_those_of_samtools(data, width, end, tmp_path_factory):
    sequences = {
        name: data.draw(st.text("ACGTacgtN", min_size=1, max_size=200)) for name in data.draw(names)
    }
    path = tmp_path_factory.mktemp("fasta") / "reference.fa"
    lines = []
    for name, sequence in sequences.items():
        lines.append(f">{name} a description")
        lines += [sequence[start : start + width] for start in range(0, len(sequence), width)]
    path.write_text("\n".join(lines) + end)
    scanned = reference.read_fasta(path, sequences)
    with pysam.FastaFile(str(path)) as file:
        for name in file.references:
            assert scanned[name].length == file.get_reference_length(name)
            sequence = file.fetch(name).upper().encode()
            assert scanned[name].md5 == hashlib.md5(sequence).hexdigest()
    assert reference.contig_lengths(path) == {name: len(s) for name, s in sequences.items()}


@pytest.mark.parametrize("chunk", [7, 8, 13, 64])
def test_chunks_may_end_anywhere(tmp_path, monkeypatch, chunk):
    path = tmp_path / "reference.fa"
    path.write_text(">one first\nACGT\nAC\n>two\nGG\n>three")
    whole = reference.read_fasta(path, ["one", "two", "three"])
    monkeypatch.setattr(reference, "_CHUNK_BYTES", chunk)
    assert reference.read_fasta(path, ["one", "two", "three"]) == whole
    assert {name: sequence.length for name, sequence in whole.items()} == {
        "one": 6,
        "two": 2,
        "three": 0,
    }


def test_a_sequence_on_one_long_line(tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "_CHUNK_BYTES", 1000)
    path = tmp_path / "reference.fa"
    path.write_text(">one\n" + "ACGT" * 10_000 + "\n>two\nAC\n")
    scanned = reference.read_fasta(path, ["one"])
    assert (scanned["one"].length, scanned["two"].length) == (40_000, 2)
    assert scanned["one"].md5 == hashlib.md5(b"ACGT" * 10_000).hexdigest()


@pytest.mark.parametrize(
    ("build", "assembly"),
    [
        *[(build, "GRCh37") for build in ("GRCh37", "b37", "hg19", "hs37d5", "b37-chr20")],
        *[(build, "GRCh38") for build in ("GRCh38", "hg38", "GRCh38.p14", "hg38_analysis_set")],
        ("T2T-CHM13v2.0", "T2T-CHM13v2.0"),
        ("toy", None),
        ("hg190", None),
    ],
)
def test_builds(build, assembly):
    assert known_assembly(build) == assembly


def test_assemblies_are_told_by_lengths():
    assert assembly_of({"20": 63025520, "GL000207.1": 4262}) == "GRCh37"
    assert assembly_of({"chr20": 64444167, "chrM": 16569}) == "GRCh38"
    assert assembly_of({"chr20": 66210255}) == "T2T-CHM13v2.0"
    assert assembly_of({"chr20": 1_000_000}) is None
    assert chromosome_length("GRCh38", "chrEBV") is None
    # Sum of the 24 chromosomes as the assembly reports give it.
    total = sum(chromosome_length("GRCh38", n) for n in [*map(str, range(1, 23)), "X", "Y"])
    assert total == 3_088_269_832
    total = sum(chromosome_length("GRCh37", n) for n in [*map(str, range(1, 23)), "X", "Y"])
    assert total == 3_095_677_412
    total = sum(chromosome_length("T2T-CHM13v2.0", n) for n in [*map(str, range(1, 23)), "X", "Y"])
    assert total == 3_117_275_501
