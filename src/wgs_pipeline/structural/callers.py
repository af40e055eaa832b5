"""delly and dysgu, run side by side on one alignment."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.errors import StructuralError
from wgs_pipeline.structural.calls import Call, read_calls
from wgs_pipeline.structural.insertions import genotype_insertions

_LOG = logging.getLogger(__name__)
#: How to get each caller.
_SOURCES = {
    "delly": "It is Debian's package delly and bioconda's delly: run setup/tools.sh",
    "dysgu": "It comes with the locked Python packages and is bioconda's dysgu: run make setup",
}
#: What the callers say where they leave no file, or none that can be read: there are too few pairs
#: to learn a library's insert size from, no reads at all, or no events.
_NOTHING_FOUND = (
    "not enough data to estimate library parameters",
    "No reads found",
    "No events found",
)
#: Lines of a caller's own log that are shown when it fails.
_SHOWN = 8


@dataclass(frozen=True)
class Request:
    """What the callers are given.

    Attributes:
        cram: Indexed alignment of one sample.
        fasta: Indexed reference.
        exclude: BED of where events are not looked for.
        min_mapping_quality: Reads below it (Phred) do not count.
        min_support: Least reads of an event that dysgu reports.
        min_size: Least length (bp) that dysgu reports.
        min_probability: Least probability of an event that passes in dysgu, 0 to 1.
        threads: Threads for all callers together.
    """

    cram: Path
    fasta: Path
    exclude: Path | None = None
    min_mapping_quality: int = 1
    min_support: int = 3
    min_size: int = 50
    min_probability: float = 0.45
    threads: int = 1


def call(callers: Sequence[str], request: Request, sample: str, folder: Path) -> list[Call]:
    """Call one sample with several callers at the same time.

    Args:
        callers: Some of ``calls.CALLERS``.
        request: What they are given.
        sample: Its name, SM of the reads.
        folder: An empty folder for what they write.

    Returns:
        The calls of all of them; none by a caller for which the alignment has too few reads.

    Raises:
        StructuralError: A caller is missing, fails, or leaves a broken file.
    """
    for caller in callers:
        if shutil.which(caller) is None:
            raise StructuralError(
                f"{caller} was not found on PATH; expected it, as structural.callers names it. "
                f"{_SOURCES[caller]}, or take it out of structural.callers"
            )
    outputs = {caller: folder / f"{caller}.{_ENDINGS[caller]}" for caller in callers}
    running: dict[str, subprocess.Popen[bytes]] = {}
    _link_inputs(request, folder)
    try:
        for caller, output in outputs.items():
            running[caller] = _start(caller, _command(caller, request, output), folder)
        codes = {caller: process.wait() for caller, process in running.items()}
    finally:
        for process in running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
    calls = [
        found
        for caller, output in outputs.items()
        for found in _calls_of(caller, codes, output, sample)
    ]
    if not any(found.kind == "INS" for found in calls):
        return calls
    return genotype_insertions(calls, request.cram, request.fasta, request.min_mapping_quality)


_ENDINGS = {"delly": "bcf", "dysgu": "vcf"}
#: Names of what callers are given: delly takes no path with a space, dysgu none beyond ASCII.
_FASTA, _CRAM, _EXCLUDE = "reference.fa", "alignment.cram", "exclude.bed"


def _command(caller: str, request: Request, output: Path) -> list[str]:
    options = {"delly": _delly_options, "dysgu": _dysgu_options}[caller](request, output)
    words = [f"{name}={value}" for name, value in options.items()]
    if caller == "delly":
        return ["delly", "call", *words, _CRAM]
    return ["dysgu", "run", "--clean", *words, _FASTA, "dysgu", _CRAM]


def _delly_options(request: Request, output: Path) -> dict[str, object]:
    exclude = {"--exclude": _EXCLUDE} if _has_lines(request.exclude) else {}
    return {
        "--genome": _FASTA,
        "--outfile": output.name,
        "--map-qual": request.min_mapping_quality,
        **exclude,
    }


def _link_inputs(request: Request, folder: Path) -> None:
    """Put the inputs, by plain names, into the folder where the callers run."""
    links = {_FASTA: request.fasta, f"{_FASTA}.fai": Path(f"{request.fasta}.fai")}
    links[_CRAM] = request.cram
    for ending in (".crai", ".bai", ".csi"):
        links[_CRAM + ending] = Path(f"{request.cram}{ending}")
    if request.exclude is not None:
        links[_EXCLUDE] = request.exclude
    for name, target in links.items():
        if target.exists():
            (folder / name).symlink_to(target.absolute())


def _dysgu_options(request: Request, output: Path) -> dict[str, object]:
    exclude = {"--exclude": _EXCLUDE} if _has_lines(request.exclude) else {}
    # One thread for delly; dysgu refuses more than the machine has.
    threads = min(max(request.threads - 1, 1), os.cpu_count() or 1)
    return {
        "--svs-out": output.name,
        "--mode": "pe",
        "--procs": threads,
        "--mq": request.min_mapping_quality,
        "--min-support": request.min_support,
        "--min-size": request.min_size,
        "--thresholds": ",".join([f"{request.min_probability:g}"] * 5),
        **exclude,
    }


def _has_lines(path: Path | None) -> bool:
    return path is not None and path.stat().st_size > 0


def _start(caller: str, command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    _LOG.info("%s", " ".join(command))
    # A CRAM's reference is the one given: no caller may look for it on the network.
    environment = {**os.environ, "REF_PATH": "/nonexistent", "OMP_NUM_THREADS": "1"}
    with _log_of(caller, folder).open("wb") as log:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
        )


def _log_of(caller: str, folder: Path) -> Path:
    return folder / f"{caller}.log"


def _calls_of(caller: str, codes: Mapping[str, int], output: Path, sample: str) -> list[Call]:
    said = _log_of(caller, output.parent).read_text(encoding="utf-8", errors="replace")
    reason = next((text for text in _NOTHING_FOUND if text in said), None)
    if reason is not None:
        _LOG.warning("%s calls nothing in %s: %s", caller, sample, reason)
        return []
    if codes[caller] != 0:
        end = "\n".join(said.splitlines()[-_SHOWN:])
        raise StructuralError(f"{caller} failed with exit code {codes[caller]}:\n{end}")
    return read_calls(output, caller, sample)
