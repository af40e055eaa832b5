"""SLURM's own commands, asked with a time limit."""

from __future__ import annotations

import shutil
import subprocess
import time

from wgs_pipeline.errors import ClusterError

#: Seconds that one answer may take.
ANSWER_S = 60.0


def available(command: str) -> bool:
    """Whether a command of SLURM is installed on this machine."""
    return shutil.which(command) is not None


def ask(*command: str, patience_s: float = 0.0) -> str:
    """What a command of SLURM prints.

    Args:
        command: The command and its arguments.
        patience_s: For how long it is asked again when it fails, as it does while a daemon is
            restarted.

    Raises:
        ClusterError: It did not answer.
    """
    end = time.monotonic() + patience_s
    while True:
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=ANSWER_S
            )
        except subprocess.TimeoutExpired:
            trouble = f"no answer after {ANSWER_S:.0f} s"
        except subprocess.CalledProcessError as error:
            trouble = _last_line(error.stderr) or f"exit code {error.returncode}"
        except OSError as error:
            trouble = error.strerror or str(error)
        else:
            return done.stdout
        if time.monotonic() >= end:
            raise ClusterError(f"SLURM does not answer: {command[0]}: {trouble}")
        time.sleep(min(5.0, patience_s))


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
