"""Starts ``wgs`` commands as processes of their own, without the time that importing takes.

Run as a script: imports the package once, then forks a child per line of standard input, a JSON
list of arguments, and answers with its process id. Each child leads its own process group, so that
it can be killed with everything that it started. ``wait <pid>`` answers with how a child ended.
``read ROOT STOP`` is a child that asks the database until the file STOP is there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO


class Nursery:
    """The script as a process, and what its children said on standard error."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._running: set[int] = set()
        self._process = subprocess.Popen(
            [sys.executable, __file__, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *exception: object) -> None:
        for pid in self._running:  # only after a failure
            self.kill(pid)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()

    def start(self, *arguments: object) -> int:
        """Start a child; gives its process id."""
        pid = self._ask(json.dumps([str(each) for each in arguments]))
        self._running.add(pid)
        return pid

    def wait(self, pid: int) -> tuple[int, str]:
        """Exit code of a child, negative the signal that ended it, and what it said."""
        code = self._ask(f"wait {pid}")
        self._running.discard(pid)
        said = self._folder / str(pid)
        return code, said.read_text() if said.exists() else ""  # killed before it could speak

    def has_ended(self, pid: int) -> bool:
        """Whether a child has ended; ``wait`` says how."""
        return bool(self._ask(f"ended {pid}"))

    @staticmethod
    def kill(pid: int) -> None:
        """Kill a child, and what it started."""
        with suppress(ProcessLookupError):  # it has ended, and its parent knows
            os.killpg(pid, signal.SIGKILL)

    def _ask(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


def _serve(folder: Path, questions: IO[str]) -> None:
    import wgs_pipeline.cli.ngd
    import wgs_pipeline.ngd.compact
    import wgs_pipeline.ngd.load  # noqa: F401

    ended: dict[int, int] = {}
    for question in questions:
        word, _, pid = question.strip().partition(" ")
        if word == "wait":
            status = ended.pop(int(pid)) if int(pid) in ended else os.waitpid(int(pid), 0)[1]
            print(os.waitstatus_to_exitcode(status), flush=True)
        elif word == "ended":
            found, status = (int(pid), 0) if int(pid) in ended else os.waitpid(int(pid), os.WNOHANG)
            if found:
                ended.setdefault(found, status)
            print(int(bool(found)), flush=True)
        else:
            print(_forked(folder, json.loads(question)), flush=True)


def _forked(folder: Path, arguments: list[str]) -> int:
    pid = os.fork()
    if pid:
        os.setpgid(pid, pid)
        return pid
    code = 70
    try:
        os.setpgid(0, 0)
        said = os.open(folder / str(os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor in (1, 2):
            os.dup2(said, descriptor)
        code = _ran(arguments)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        os._exit(code)


def _ran(arguments: list[str]) -> int:
    if arguments[0] == "read":
        _read_all_the_time(Path(arguments[1]), Path(arguments[2]))
        return 0
    from wgs_pipeline.cli import main

    try:
        main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def _read_all_the_time(root: Path, stop: Path) -> None:
    """Every genome covers every site and carries one of its two ALT alleles, heterozygous."""
    from wgs_pipeline import ngd

    last, answers = -1, 0
    with ngd.open(root, "care") as database:
        while not stop.exists():
            table = database.region("chr1:1-5000")
            stated = table.schema.metadata
            generation, eligible = int(stated[b"generation"]), int(stated[b"eligible"])
            assert generation >= last, f"generation {generation} after {last}"
            assert set(table["AN"].to_pylist()) <= {2 * eligible}, f"generation {generation}"
            carriers: dict[int, int] = {}
            for pos, count in zip(table["pos"].to_pylist(), table["AC"].to_pylist(), strict=True):
                carriers[pos] = carriers.get(pos, 0) + count
            assert set(carriers.values()) <= {eligible}, f"generation {generation}"
            last, answers = generation, answers + 1
            time.sleep(0.1)
    print(f"{answers} answers up to generation {last}")


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.stdin)
