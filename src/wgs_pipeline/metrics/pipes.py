"""Running a pipe of command-line tools and reading what the last one writes."""

from __future__ import annotations

import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO

from wgs_pipeline.errors import WgsError


def read_pipe(commands: Sequence[Sequence[str]]) -> bytes:
    """Standard output of ``commands``, each reading from the one before.

    Raises:
        WgsError: A tool is missing or does not exit with 0; the message has what it said.
    """
    running: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        messages = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
        stack.callback(_end, running)
        source: IO[bytes] | None = None
        for command, message in zip(commands, messages, strict=True):
            process = _start(command, source, message)
            if source:
                source.close()  # so that the writer sees a broken pipe when its reader dies
            running.append(process)
            source = process.stdout
        assert source is not None
        with source:
            output = source.read()
        codes = [process.wait() for process in running]
        failures = [
            (command, code, message)
            for command, code, message in zip(commands, codes, messages, strict=True)
            if code and code != -signal.SIGPIPE
        ]
        if failures:
            # A tool without proper input fails too, so the first failure is the cause.
            raise WgsError(_failure(*failures[0]))
        return output


def _failure(command: Sequence[str], code: int, message: IO[bytes]) -> str:
    message.seek(0)
    said = " ".join(message.read().decode("utf-8", "replace").split()) or "nothing"
    return f"{shlex.join(command)} exited with {code} and said: {said}"


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _start(
    command: Sequence[str], source: IO[bytes] | None, message: IO[bytes]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=source or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=message,
        )
    except FileNotFoundError as error:
        raise WgsError(f"{command[0]} is not installed; install it and run again") from error
