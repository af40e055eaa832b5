"""What a scheduler is asked for: the table's figures with room, more at each attempt."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property

from wgs_pipeline.errors import ConfigError
from wgs_pipeline.jobgraph import asks_for_size
from wgs_pipeline.project import Project
from wgs_pipeline.resources.inputs import Inputs, ProjectInputs
from wgs_pipeline.resources.table import MEMORY, SCRATCH, SHIPPED, WALL, Table, read_table

#: Room over what nearly all jobs of that size need; time is limited, not taken, so it has more.
MEMORY_ROOM, WALL_ROOM, SCRATCH_ROOM = 1.15, 2.0, 1.2
#: On a cluster two processes of Snakemake stand beside the tool in the job's memory.
SNAKEMAKE_MB = 200
#: Least that is asked for.
LEAST_MB, LEAST_MINUTES = 500, 10
#: Scratch of a rule that the table says nothing of, MB.
LEAST_SCRATCH_MB = 1000
_STEP_MB = 100

Request = Callable[..., int]


class Requests:
    """The requests of every rule of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._inputs = ProjectInputs(project)

    @cached_property
    def table(self) -> Table:
        """The project's table, or the one that is shipped."""
        return read_table(self._project.config.resources.table or SHIPPED)

    def of(self, rule: str) -> dict[str, Request | int]:
        """Functions of wildcards, threads and attempt for the ``resources`` of a rule.

        Raises:
            ConfigError: The table has no line for the rule.
        """
        table = self.table
        if (rule, MEMORY) not in table or (rule, WALL) not in table:
            raise ConfigError(
                f"{self._project.config.resources.table or SHIPPED}: no {MEMORY} and {WALL} of "
                f"rule {rule}; expected both. Add the lines, or make the table again with "
                "wgs resources fit."
            )

        def mem_mb(wildcards: Mapping[str, str], threads: int, attempt: int) -> int:
            return memory_mb(table, rule, self._inputs.of_job(wildcards, threads), attempt)

        def runtime(wildcards: Mapping[str, str], threads: int, attempt: int) -> int:
            return minutes(table, rule, self._inputs.of_job(wildcards, threads), attempt)

        def disk_mb(wildcards: Mapping[str, str], threads: int, attempt: int) -> int:
            return scratch_mb(table, rule, self._inputs.of_job(wildcards, threads))

        return {
            "mem_mb": asks_for_size(mem_mb),
            "runtime": asks_for_size(runtime),
            "disk_mb": asks_for_size(disk_mb) if (rule, SCRATCH) in table else LEAST_SCRATCH_MB,
        }


def memory_mb(table: Table, rule: str, inputs: Inputs, attempt: int = 1) -> int:
    """Memory to ask for, MB: in steps of 100, so that jobs of a kind look alike."""
    used = table[rule, MEMORY].value(MEMORY, inputs)
    asked = max(LEAST_MB, used * MEMORY_ROOM + SNAKEMAKE_MB)
    return math.ceil(asked / _STEP_MB) * _STEP_MB * attempt


def minutes(table: Table, rule: str, inputs: Inputs, attempt: int = 1) -> int:
    """Time to ask for, minutes."""
    used = table[rule, WALL].value(WALL, inputs) * WALL_ROOM / 60
    return max(LEAST_MINUTES, math.ceil(used)) * attempt


def scratch_mb(table: Table, rule: str, inputs: Inputs) -> int:
    """Scratch to ask for, MB; 0 where the rule writes none."""
    line = table.get((rule, SCRATCH))
    return math.ceil(line.value(SCRATCH, inputs) * SCRATCH_ROOM) if line else 0
