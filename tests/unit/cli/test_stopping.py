"""``wgs`` on SIGTERM: nothing half-made is left, and no tool that it started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wgs_pipeline.cli import main

WGS = Path(sys.executable).with_name("wgs")
#: Says its process id, then hangs.
DELLY = (
    '#!/bin/sh\necho $$ >"$TMPDIR.pid.new"; mv "$TMPDIR.pid.new" "$TMPDIR.pid"; exec sleep 600\n'
)


def wait_for(path, process):
    for _ in range(600):
        if path.exists():
            return path.read_text()
        assert process.poll() is None
        time.sleep(0.05)
    raise AssertionError(f"{path} does not come")


@pytest.fixture
def calling(tmp_path):
    """``wgs structural call`` while its caller runs, with the caller's process id."""
    scratch, tools = tmp_path / "scratch", tmp_path / "bin"
    scratch.mkdir()
    tools.mkdir()
    (tools / "delly").write_text(DELLY)
    (tools / "delly").chmod(0o755)
    for name in ("ref.fa", "s.cram"):
        (tmp_path / name).touch()

    def start(**options):
        process = subprocess.Popen(
            [WGS, "structural", "call", "s.cram", "--caller", "delly", "--sample", "S1",
             "--reference", "ref.fa", "-o", "out.vcf.gz"],
            cwd=tmp_path,
            env=os.environ
            | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(scratch)},
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )  # fmt: skip
        started.append(process)
        return process, int(wait_for(Path(f"{scratch}.pid"), process)), scratch

    started = []
    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_command_that_is_stopped_leaves_nothing(calling):
    process, caller, scratch = calling()
    assert len(list(scratch.iterdir())) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert list(scratch.iterdir()) == []
    assert not is_alive(caller)
    assert process.stderr.read() == ""


def test_sigterm_that_is_ignored_stays_so(calling):
    process, caller, scratch = calling(
        preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN)
    )
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.3)
    assert len(list(scratch.iterdir())) == 1
    os.kill(caller, signal.SIGKILL)
    assert process.wait(timeout=60) == 1
    assert list(scratch.iterdir()) == []


def test_the_handler_is_gone_after_a_command(capsys):
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("wgs, version ")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
