"""The errors of the package.

    WgsError                      everything a user can cause and mend
    ├── ProblemsError             several problems found in one pass over the inputs
    ├── ConfigError               the configuration file
    ├── ReadsError                FASTQ input
    ├── AlignmentError            CRAM input or output
    ├── GvcfError                 gVCF input or output
    ├── StructuralError           calls of structural variants, or depth for copy number
    ├── ConsentError              the consent register, or a use that consent does not allow
    │   ├── RegisterError         the register as a whole is missing, empty, stale or shrunk
    │   ├── PurposeError          a purpose outside the closed list
    │   ├── ProjectError          a use that a project's approval does not cover
    │   └── NoReleaseError        nothing has been published that research may be answered from
    ├── NgdError                  the National Genome Database
    ├── ClusterError              SLURM does not answer, or does not do what is asked
    └── OutputError               results cannot be written

The command line prints the message of a ``WgsError`` and exits with 1; any other exception is a
bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wgs_pipeline.identifiers import without_cpr


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in one place of one input file.

    Attributes:
        file: Path of the input as the user knows it.
        line: 1-based line number; 0 where the problem is the file as a whole.
        found: What stands there.
        expected: What should stand there.
        remedy: What to do about it.
    """

    file: str
    line: int
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return without_cpr(f"{where}: {self.found}; expected {self.expected}. {self.remedy}")


class WgsError(Exception):
    """Base of all errors that a user can cause and mend.

    Its text never holds what has the shape of a civil registration number, wherever that stood:
    a message ends in logs, reports and the mail that asks for help.
    """

    def __str__(self) -> str:
        return without_cpr(super().__str__())


class ProblemsError(WgsError):
    """All problems found in one pass over the inputs, reported together."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(WgsError):
    """The configuration cannot be used."""


class ReadsError(WgsError):
    """A FASTQ file is truncated, malformed, empty or does not match its mate."""


class AlignmentError(WgsError):
    """A CRAM is incomplete, or is not what its sample or reference says."""


class GvcfError(WgsError):
    """A gVCF is malformed, incomplete, or of another sample or reference."""


class StructuralError(WgsError):
    """Calls of structural variants, or the depth that copy number is told from, are unusable."""


class ConsentError(WgsError):
    """The consent register cannot be used, or consent does not allow what was asked."""


class RegisterError(ConsentError):
    """The consent register, or the opt-out list, as a whole cannot be relied on."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class NoReleaseError(ConsentError):
    """Research asks for counts, and no release of enough persons is there."""


class ProjectError(ConsentError):
    """A project's approval does not cover what was asked."""


class PurposeError(ConsentError):
    """Data were asked for a purpose that is not on the closed list."""


class NgdError(WgsError):
    """The National Genome Database refused or failed."""


class ClusterError(WgsError):
    """SLURM does not answer, or a job of it does not end."""


class OutputError(WgsError):
    """A result could not be written."""
