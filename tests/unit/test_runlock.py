import os
import signal
import subprocess
import sys
from pathlib import Path

from wgs_pipeline.runlock import hold_run_lock

HOLDER = """
import sys, time
from pathlib import Path
from wgs_pipeline.runlock import hold_run_lock
print(hold_run_lock(Path(sys.argv[1])), flush=True)
time.sleep(600)
"""


def left_behind(results: Path) -> Path:
    lock = results / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    return lock


def test_locks_of_a_killed_run_are_cleared_and_those_of_a_living_one_stay(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "True\n"
        lock = left_behind(tmp_path)
        assert not hold_run_lock(tmp_path)
        assert lock.exists()
        os.kill(run.pid, signal.SIGKILL)
    assert hold_run_lock(tmp_path)
    assert not lock.exists()


def test_a_folder_that_cannot_be_made_is_left_to_others_to_report(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not hold_run_lock(tmp_path / "file")
