"""The aligners a run may use, and which one it does use.

``aligner.name: auto`` is the fastest whose calls on truth are not worse (docs/accuracy.md,
"Aligners") of those that are found: minibwa, else bwa. What was taken is written to
``config.json`` below ``results``, and later runs of that folder stay with it, so that the
genomes of a project do not differ by the day on which a program was installed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.config import Config

AUTO = "auto"


@dataclass(frozen=True)
class Aligner:
    """A program that aligns interleaved FASTQ from standard input to SAM.

    Attributes:
        name: As ``aligner.name`` has it; also the program.
        command: Start of its command line: soft clipping of supplementary records, and comments
            of reads copied as SAM tags. Threads (-t), bases in a batch (-K), header lines (-H),
            index and input follow, which all of them take alike (/dev/stdin: bwa-mem4 has no -).
        index: Suffixes of its index files.
        rules: File of its rules below ``workflow/rules/aligners``, without suffix.
    """

    name: str
    command: str
    index: tuple[str, ...]
    rules: str

    @property
    def prefix(self) -> str:
        """Its index without suffixes, relative to the results folder."""
        return f"reference/{self.name}/genome"

    @property
    def index_rule(self) -> str:
        """The rule that makes its index."""
        return f"index_{self.rules.replace('-', '_')}"

    @property
    def index_files(self) -> tuple[str, ...]:
        """Its index files, relative to the results folder."""
        return tuple(self.prefix + suffix for suffix in self.index)


_BWA_MEM2_INDEX = (".0123", ".amb", ".ann", ".bwt.2bit.64", ".pac")
#: The bases are read from .pac; it writes them unpacked only when it is told to.
_BWA_MEM3_INDEX = _BWA_MEM2_INDEX[1:]
#: Every aligner by name.
ALIGNERS = {
    aligner.name: aligner
    for aligner in (
        Aligner("minibwa", "minibwa map -Y -y", (".l2b", ".mbw"), "minibwa"),
        Aligner("bwa", "bwa mem -Y -p -C", (".amb", ".ann", ".bwt", ".pac", ".sa"), "bwa"),
        # bwa-mem3 and bwa-mem4 take the command line of bwa-mem2, and bwa-mem4 makes its files.
        Aligner("bwa-mem2", "bwa-mem2 mem -Y -p -C", _BWA_MEM2_INDEX, "bwa-mem2"),
        Aligner("bwa-mem3", "bwa-mem3 mem -Y -p -C", _BWA_MEM3_INDEX, "bwa-mem2"),
        Aligner("bwa-mem4", "bwa-mem4 mem -Y -p -C", _BWA_MEM2_INDEX, "bwa-mem2"),
    )
}
#: What ``auto`` takes, the first that is found; the last where none is.
PREFERENCE = ("minibwa", "bwa")


def is_installed(name: str) -> bool:
    """Whether the program of an aligner is on PATH."""
    return shutil.which(name) is not None


def resolve(config: Config, installed: Callable[[str], bool] = is_installed) -> Aligner:
    """The aligner of a project: what its runs used, where ``auto`` leaves that open.

    Args:
        config: The configuration.
        installed: Whether a program will be found where jobs run.
    """
    if config.aligner.name != AUTO:
        return ALIGNERS[config.aligner.name]
    recorded = recorded_aligner(config.results)
    found = [name for name in PREFERENCE if installed(name)]
    return ALIGNERS[recorded or next(iter(found), PREFERENCE[-1])]


def resolve_for_run(config: Config, installed: Callable[[str], bool] = is_installed) -> Aligner:
    """The aligner that a run takes as it starts; its jobs then `resolve` the same.

    What an earlier run wrote down binds only once there is an alignment.
    """
    if config.aligner.name == AUTO and not has_alignments(config.results):
        found = [name for name in PREFERENCE if installed(name)]
        return ALIGNERS[next(iter(found), PREFERENCE[-1])]
    return resolve(config, installed)


def recorded_aligner(results: Path) -> str | None:
    """The aligner of the last run of a results folder; None where there was none."""
    try:
        name = json.loads((results / "config.json").read_text(encoding="utf-8"))["aligner"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if name in ALIGNERS else None


def has_alignments(results: Path) -> bool:
    """Whether a results folder holds an alignment that was made there."""
    return any(not path.is_symlink() for path in (results / "alignment").glob("*.cram"))


def change_notice(config: Config, chosen: Aligner) -> str | None:
    """What to say where alignments are there that another aligner made; None where not."""
    before = recorded_aligner(config.results)
    if before in (None, chosen.name) or not has_alignments(config.results):
        return None
    return (
        f"aligner.name is {chosen.name}, and the alignments below {config.results} were made with "
        f"{before}: they, and all that is called from them, are made again. To keep them, set "
        f"aligner.name: {before}."
    )
