"""The aligners themselves: their index rules, and bwa-mem2 and its successors beside bwa.

Those that are not installed are skipped; `make aligner ALIGNER=bwa-mem2` makes that one.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from rules import need, run_rule
from wgs_pipeline.aligners import ALIGNERS

LENGTH, READ, FRAGMENT = 30_000, 100, 300
COMPLEMENT = str.maketrans("ACGT", "TGCA")
#: Two lines in one argument, as the workflow gives them.
HEADER = r"@RG\tID:one\tSM:S\n@RG\tID:two\tSM:S"
#: Tags of bwa-mem3 that bwa has not: mapping quality of the mate, number of hits.
ONLY_BWA_MEM3 = ("MQ:i:", "HN:i:")


def index(folder, name, program=None):
    """Index genome.fa by the rule of an aligner, or by a stand-in; the folder of the index."""
    aligner = ALIGNERS[name]
    files = aligner.index_files
    output = {"l2b": files[0], "mbw": files[1]} if name == "minibwa" else dict(enumerate(files))
    parent = Path(aligner.prefix).parent
    run_rule(
        folder, f"aligners/{aligner.rules}.smk", aligner.index_rule,
        input={"fasta": "genome.fa"}, output={str(key): path for key, path in output.items()},
        params={"program": program or name, "prefix": aligner.prefix, "folder": str(parent)},
    )  # fmt: skip
    return folder / parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A genome with repeats and interleaved pairs of it, with errors, deletions and strangers."""
    folder = tmp_path_factory.mktemp("programs")
    rng = random.Random(5)
    genome = "".join(rng.choices("ACGT", k=LENGTH))
    genome += genome[1000:3000] + "".join(rng.choices("ACGT", k=LENGTH))
    (folder / "genome.fa").write_text(f">chr1\n{genome}\n")
    with (folder / "reads.fq").open("w") as file:
        for number in range(600):
            start = rng.randrange(len(genome) - 400)
            fragment = genome[start : start + rng.randrange(250, 400)]
            if number % 3 == 0:
                fragment = fragment[:40] + fragment[40 + number % 20 :]
            if number % 50 == 0:
                fragment = "".join(rng.choices("ACGT", k=FRAGMENT))
            for mate, bases in enumerate((fragment, fragment.translate(COMPLEMENT)[::-1]), 1):
                read = "".join(
                    rng.choice("ACGT") if rng.random() < 0.02 else base for base in bases[:READ]
                )
                group = ("one", "two")[number % 2]
                file.write(f"@r{number}/{mate} RG:Z:{group}\n{read}\n+\n{'F' * len(read)}\n")
    return folder


@pytest.fixture(scope="module")
def align(folder):
    """Header lines (without @PG) and records by an aligner with threads, by the real command."""

    def run(name, threads=1):
        need(name)
        if not (folder / ALIGNERS[name].index_files[0]).exists():
            index(folder, name)
        command = [*ALIGNERS[name].command.split(), "-t", threads, "-K", 100_000_000]
        command += ["-H", HEADER, ALIGNERS[name].prefix, "/dev/stdin"]
        with (folder / "reads.fq").open() as reads:
            done = subprocess.run(
                list(map(str, command)),
                cwd=folder, stdin=reads, capture_output=True, text=True, check=True,
            )  # fmt: skip
        lines = done.stdout.splitlines()
        header = [line for line in lines if line.startswith(("@SQ", "@RG"))]
        return header, [line.split("\t") for line in lines if line[0] != "@"]

    return run


@pytest.mark.parametrize("name", ALIGNERS)
def test_the_index_rule_writes_the_files_that_are_named(folder, name):
    need(name)
    written = sorted(path.name for path in index(folder, name).iterdir())
    assert written == sorted(f"genome{suffix}" for suffix in ALIGNERS[name].index)


@pytest.mark.parametrize("name", ALIGNERS)
def test_all_read_groups_are_there_and_threads_change_nothing(align, name):
    header, records = align(name)
    groups = [line for line in header if line.startswith("@RG")]
    assert groups == HEADER.replace(r"\t", "\t").split(r"\n")
    assert {next(tag for tag in record if tag.startswith("RG:Z:")) for record in records} == {
        "RG:Z:one",
        "RG:Z:two",
    }
    assert align(name, threads=2) == (header, records)


@pytest.mark.parametrize("name", ["bwa-mem2", "bwa-mem3", "bwa-mem4"])
def test_records_are_those_of_bwa(align, name):
    need("bwa")
    _, expected = align("bwa")
    _, records = align(name)
    kept = [[cell for cell in record if not cell.startswith(ONLY_BWA_MEM3)] for record in records]
    assert len(expected) >= 1200
    assert kept == expected


@pytest.mark.parametrize("short", ["0123", "bwt.2bit.64"])
def test_an_index_that_was_cut_short_is_no_index(folder, tmp_path, short):
    """bwa-mem2 ends with 0 on a full disk; a stand-in leaves what it left there, one byte less."""
    bases = 2 * LENGTH + 2000
    rows = 2 * bases + 1
    whole = {"0123": 2 * bases, "bwt.2bit.64": 56 + 64 * (rows // 64 + 1) + 5 * (rows // 8 + 1)}
    tool = tmp_path / "stand-in"
    (tmp_path / "genome.fa").symlink_to(folder / "genome.fa")

    def leave(sizes):
        lines = [f"truncate --size={size} $3.{suffix}" for suffix, size in sizes.items()]
        ann = f"echo {bases} 1 11 >$3.ann; touch $3.amb $3.pac"
        tool.write_text("\n".join(["#!/bin/sh", ann, *lines, ""]))
        tool.chmod(0o755)

    leave(whole)
    assert (index(tmp_path, "bwa-mem2", tool) / f"genome.{short}").exists()
    for path in (tmp_path / "reference/bwa-mem2").iterdir():
        path.unlink()
    leave(whole | {short: whole[short] - 1})
    with pytest.raises(AssertionError, match=rf"cut short: .*genome\.{short}\. No space left"):
        index(tmp_path, "bwa-mem2", tool)
    assert list((tmp_path / "reference/bwa-mem2").iterdir()) == []


def test_an_aligner_that_cannot_be_made_is_refused():
    script = Path(__file__).parents[2] / "setup/aligner.sh"
    done = subprocess.run([script, "novoalign"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "expected minibwa, bwa-mem2 or bwa-mem3" in done.stderr
