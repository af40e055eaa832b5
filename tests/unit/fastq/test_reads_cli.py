"""``wgs reads stream`` as the rule runs it: in a pipe."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

WGS = Path(sys.executable).parent / "wgs"


@pytest.fixture
def lane(tmp_path):
    """Arguments for one lane of 5,000 pairs, and the path of its tally."""
    arguments = ["--lane", "rg", "lib"]
    for mate in "12":
        path = tmp_path / f"R{mate}.fq.gz"
        text = "".join(f"@read{n}/{mate}\n{'A' * 100}\n+\n{'I' * 100}\n" for n in range(5000))
        path.write_bytes(gzip.compress(text.encode(), 1))
        arguments.append(str(path))
    tally = tmp_path / "out" / "tally.json"
    return [*arguments, "--tally", str(tally)], tally


def stream(arguments, reader="cat"):
    """Exit codes of the stream and of what reads it, and the lines of standard error."""
    command = f'"$@" | {reader} >/dev/null; echo "${{PIPESTATUS[@]}}"'
    done = subprocess.run(
        ["bash", "-c", command, "bash", WGS, "reads", "stream", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [int(code) for code in done.stdout.split()], done.stderr.splitlines()


def test_success_leaves_a_tally(lane):
    arguments, tally = lane
    assert stream(arguments) == ([0, 0], [])
    assert json.loads(tally.read_text())["pairs"] == 5000


@pytest.mark.parametrize("reader", ["head -c 1000", "true"])
def test_reader_stops(lane, reader):
    arguments, tally = lane
    codes, said = stream(arguments, reader)
    assert codes == [1, 0]
    assert said == ["wgs: the aligner stopped reading; its own message says why"]
    assert not tally.parent.exists()


def test_broken_lane(lane, tmp_path):
    arguments, tally = lane
    path = tmp_path / "R2.fq.gz"
    path.write_bytes(path.read_bytes()[:-1000])
    codes, said = stream(arguments)
    assert codes == [1, 0]
    assert len(said) == 1
    assert said[0].startswith(f"wgs: {path}:")
    assert "the gzip stream is broken" in said[0]
    assert not tally.parent.exists()


def test_wrong_md5_before_any_read(lane, tmp_path):
    arguments, tally = lane
    done = subprocess.run(
        [WGS, "reads", "stream", *arguments, "--md5", tmp_path / "R2.fq.gz", "0" * 32],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"R2.fq.gz: its MD5 is" in done.stderr
    assert not tally.parent.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_full_disk(lane):
    arguments, tally = lane
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [WGS, "reads", "stream", *arguments], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"wgs: standard output: cannot be written: No space left on device\n"
    assert not tally.parent.exists()
