"""Runs of the workflow on the cluster of the session."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slurm_cluster import Cluster

from running import Project, copy_inputs, kill_session

#: The profile is run as it is shipped; only its waiting is for clusters with minutes in a queue.
SOON = (
    *("--slurm-init-seconds-before-status-checks", "3"),
    *("--max-status-checks-per-second", "1", "--latency-wait", "15"),
)
#: No longer between two looks at jobs that take seconds.
PAUSE = {"longest_pause_seconds": 3}
#: Seconds that a run of one job and its attempts may take.
PATIENCE = 300
COLUMNS = (
    *("JobIDRaw", "State", "NodeList", "Partition", "Account", "ReqMem", "ReqCPUS"),
    *("TimelimitRaw", "Comment", "JobName"),
)


@dataclass(frozen=True)
class Job:
    """A SLURM job as accounting has it."""

    id: str
    state: str
    node: str
    partition: str
    account: str
    mem_mb: int
    cpus: int
    limit_min: int
    comment: str
    run: str


def accounted(cluster: Cluster, results: Path) -> list[Job]:
    """Every SLURM job of a results folder, in their order, by the names of its runs."""
    ids = [log.stem for log in results.glob(".snakemake/slurm_logs/**/*.log")]
    if not ids:
        return []
    names = cluster.ask("sacct", "-nXPo", "JobName", "-j", ",".join(ids)).split()
    listed = cluster.ask(
        "sacct", "-nXPo", ",".join(COLUMNS), "--name", ",".join(sorted(set(names)))
    )
    return [_job(line) for line in listed.splitlines()]


def _job(line: str) -> Job:
    cells = line.split("|")
    assert cells[5].endswith("M"), line
    state = cells[1].split()[0]
    numbers = (int(cells[5][:-1]), int(cells[6]), int(cells[7]))
    return Job(cells[0], state, *cells[2:5], *numbers, *cells[8:])


def wait_until(holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until something is true, and give it."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.3)
    return found


@dataclass
class Submitted:
    """A run of one lane's screening, with a ``fastp`` that is told what to do.

    Attributes:
        cluster: The cluster.
        project: Its project.
        targets: What is asked for.
        arguments: Further arguments of snakemake.
        said: Where its output goes.
    """

    cluster: Cluster
    project: Project
    targets: tuple[str, ...]
    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    @property
    def said(self) -> Path:
        return self.project.folder.with_suffix(".said")

    @property
    def output(self) -> str:
        return self.said.read_text()

    def start(self) -> None:
        """Give the command of the run, for the first time or again."""
        command = (*SOON, *self.arguments, "--", *self.targets)
        self.process = self.project.start(*command, output=self.said, profile="slurm")

    def end(self) -> int:
        """Wait for the end; the exit code."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            kill_session(self.process)
            raise AssertionError(f"the run hangs:\n{self.output[-5000:]}") from None

    def succeed(self) -> None:
        """Wait for the end, which must be a good one with every output there."""
        assert self.end() == 0, self.output[-8000:]
        assert [name for name in self.targets if not (self.project.results / name).exists()] == []

    def kill(self) -> None:
        """SIGKILL to the run, not to its SLURM jobs."""
        kill_session(self.process)

    @property
    def jobs(self) -> list[Job]:
        return accounted(self.cluster, self.project.results)

    def running(self) -> Job:
        """Wait until a job of the run does its work; that job."""
        wait_until(self.begun.exists)
        return wait_until(lambda: [job for job in self.jobs if job.state == "RUNNING"])[-1]

    @property
    def begun(self) -> Path:
        """Is there once the tool was called."""
        return self.project.folder.parent / "begun"

    @property
    def calls(self) -> int:
        """How often the tool was called."""
        return self._lines("begun")

    @property
    def unanswered(self) -> int:
        """How often the executor plugin asked accounting in vain."""
        return self._lines("unanswered")

    def _lines(self, name: str) -> int:
        path = self.project.folder.parent / name
        return len(path.read_text().splitlines()) if path.exists() else 0

    def report(self) -> dict[str, Any]:
        """What the run report says, written by the command that its rule runs."""
        folder = self.project.folder.parent / "report"
        page, data = folder / "run.html", folder / "run.json"
        config = self.project.results / "config.json"
        self.project.wgs("report", "run", str(config), "-o", str(page), "--json", str(data))
        document: dict[str, Any] = json.loads(data.read_text())
        for job in document["slurm"]["failed_jobs"]:
            assert job["cause"] in page.read_text()
        return document

    def failures(self) -> list[tuple[str, str]]:
        """Class and state of each failed SLURM job, from the report."""
        return [(job["kind"], job["state"]) for job in self.report()["slurm"]["failed_jobs"]]


def on(partition: str, **resources: str) -> list[str]:
    """Arguments that send jobs to a partition, and give other resources."""
    wanted = {"slurm_partition": partition, "mem_mb": "2000", **resources}
    return ["--set-resources", *(f"screen_lane:{name}={value}" for name, value in wanted.items())]


def submit(
    cluster: Cluster,
    toy: Project,
    folder: Path,
    fastp: str,
    *arguments: str,
    samples: Sequence[str] = ("toy_unrelated",),
    results: Path | None = None,
    prepare: Callable[[Project], None] = lambda project: None,
) -> Submitted:
    """Start to screen lanes of a toy project on the cluster.

    Args:
        cluster: The cluster.
        toy: The project; its inputs are copied.
        folder: For the copy and all that comes of it.
        fastp: What the tool does before it screens, in bash; ``$call`` is which call this is.
        arguments: Further arguments of snakemake.
        samples: Samples of which a lane is screened.
        results: Where the results folder really is, if not in the project.
        prepare: Called with the project before the run.
    """
    tools = folder / "tools"
    tools.mkdir(parents=True)
    script = f"""#!/bin/bash
[[ $1 != --version ]] || exec /usr/bin/fastp --version
echo x >>{folder}/begun
call=$(wc -l <{folder}/begun)
{fastp}
exec /usr/bin/fastp "$@"
"""
    # Of the plugin's questions those are counted that had no answer.
    count = f"""#!/bin/bash
/usr/bin/sacct "$@"
code=$?
[[ $code == 0 || $* != *--endtime* ]] || echo x >>{folder}/unanswered
exit $code
"""
    for tool, text in (("fastp", script), ("sacct", count)):
        (tools / tool).write_text(text)
        (tools / tool).chmod(0o755)
    copy = copy_inputs(toy, folder / "project")
    lane = {row["sample_id"]: row for row in copy.rows("units.tsv")}
    units = [lane[sample] for sample in samples]
    names = [f"{row['flowcell']}.{row['lane']}.{row['library_id']}" for row in units]
    pairs = zip(units, names, strict=True)
    targets = tuple(f"qc/{row['sample_id']}/{name}.fastp.json" for row, name in pairs)
    if results is not None:
        results.mkdir()
        copy.results.symlink_to(results)
        copy.edit_config(results=str(results))
    copy.edit_config(cluster=PAUSE)
    prepare(copy)
    return Submitted(cluster, Project(copy.folder, tools), targets, arguments)
