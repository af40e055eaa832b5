"""How many copies of each place a person is expected to have."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path

from wgs_pipeline.errors import Problem, ProblemsError
from wgs_pipeline.ploidy import PloidyRun
from wgs_pipeline.reference import Interval

DIPLOID = 2


class ExpectedCopies:
    """Ploidy by place; two copies where nothing is said."""

    def __init__(self, runs: Iterable[PloidyRun] = ()) -> None:
        self._runs: dict[str, list[PloidyRun]] = {}
        for run in sorted(runs, key=lambda run: run.interval):
            self._runs.setdefault(run.interval.contig, []).append(run)
        self._starts = {
            contig: [run.interval.start for run in found] for contig, found in self._runs.items()
        }

    def runs(self, contig: str) -> Sequence[PloidyRun]:
        """Where a contig does not have two copies, in order."""
        return self._runs.get(contig, [])

    def at(self, contig: str, position: int) -> int:
        """Copies expected at a 0-based position."""
        before = bisect_right(self._starts.get(contig, []), position)
        if not before:
            return DIPLOID
        run = self._runs[contig][before - 1]
        return run.ploidy if position < run.interval.end else DIPLOID


def read_expected(path: Path, sample: str) -> ExpectedCopies:
    """Read what ``wgs reference ploidy`` wrote: contig, start, end, sample, ploidy.

    Raises:
        ProblemsError: The file cannot be read, or a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(str(path), 0, str(error), "a ploidy BED", "Give the path of one.")
        raise ProblemsError([problem]) from error
    runs, problems = [], []
    for number, line in enumerate(lines, 1):
        fields = line.split("\t")
        if len(fields) != 5 or not all(fields[at].isdecimal() for at in (1, 2, 4)):
            expected = "contig, start, end, sample and ploidy"
            remedy = "Make the file again with wgs reference ploidy."
            problems.append(Problem(str(path), number, repr(line[:80]), expected, remedy))
        elif fields[3] == sample:
            interval = Interval(fields[0], int(fields[1]), int(fields[2]))
            runs.append(PloidyRun(interval, int(fields[4])))
    if problems:
        raise ProblemsError(problems)
    return ExpectedCopies(runs)
