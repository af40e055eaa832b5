"""A programme of genomes on a simulated cluster: throughput, queue, utilisation, cost, bottleneck.

An event simulation. Each genome is the jobs of the workflow in their order; times and memory are
those of the table of resources (workflow/resources.tsv) for a genome of 60 GB of FASTQ, give or
take. The cluster has nodes of 32 cores and 256 GB and schedules first come, first served with
backfill: a job may pass others where it delays no reservation, by the limits of time that jobs
state. Snakemake holds a number of jobs in the queue; genomes come in waves, or day by day. The
database gives places to one genome at a time.

    python benchmarks/cluster_sim.py                    # all at once, on 1,000 to 10,000 cores
    python benchmarks/cluster_sim.py --per-day 60       # as they come
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wgs_pipeline.resources.inputs import Inputs
from wgs_pipeline.resources.requests import memory_mb, minutes
from wgs_pipeline.resources.table import WALL, Table, read_table

DAY = 86_400.0
REFERENCE_MB, FASTQ_MB = 3100.0, 60_000.0
LANES, PIECES = 2, 24
#: Seconds from a free place to the first command of a job: SLURM, two starts of Snakemake.
START_S = 15.0
#: Seconds in which the database takes a genome in; one at a time, where the vault is.
COMMIT_S = 2.0
#: GB that the jobs of a genome read from and write to the shared disk, by what they read.
IO_GB = {"fastq": 2 * 60.0, "cram": 6 * 18.0, "gvcf": 5 * 2.0}
#: Prices per reserved core-hour and GB-hour in EUR: an assumption to be replaced.
CORE_HOUR, GB_HOUR = 0.02, 0.002


@dataclass(frozen=True)
class Task:
    """A job of a genome: what it asks for, how long it takes, and what it waits for.

    Attributes:
        name: The rules that it runs, one after another.
        cores: Cores reserved.
        memory_mb: Memory reserved, MB.
        limit_s: Time that it asks for, seconds.
        takes_s: Time that it takes on average, seconds.
        after: Places in the list of tasks that must have ended.
    """

    name: str
    cores: int
    memory_mb: int
    limit_s: float
    takes_s: float
    after: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """Nodes that are all alike, and how many jobs Snakemake keeps in the queue."""

    nodes: int
    cores: int = 32
    memory_mb: int = 256_000
    most_jobs: int = 5_000


@dataclass
class Outcome:
    """What a simulation saw; times in seconds.

    Attributes:
        ended: When each genome was in the database, from its arrival on.
        makespan_s: When the last one was.
        core_s: Core seconds reserved.
        mb_s: Memory times time reserved, MB seconds.
        queue: (time, jobs that wait in the queue) once an hour.
        waited: Longest wait of a job in the queue, by task.
    """

    ended: list[float] = field(default_factory=list)
    makespan_s: float = 0.0
    core_s: float = 0.0
    mb_s: float = 0.0
    queue: list[tuple[float, int]] = field(default_factory=list)
    waited: dict[str, float] = field(default_factory=dict)


def genome_tasks(table: Table, grouped: bool = True) -> list[Task]:
    """The jobs of one genome at 30x, from the table.

    Args:
        table: Coefficients of the rules.
        grouped: Whether small rules share a job, and pieces are called four to a job.
    """
    tasks: list[Task] = []

    def add(rules: Sequence[str], threads: int, after: Iterable[int], share: float = 1.0) -> int:
        inputs = Inputs(REFERENCE_MB, FASTQ_MB, threads=threads, share=share)
        limits = sum(minutes(table, rule, inputs) for rule in rules) * 60.0
        takes = sum(table[rule, WALL].value(WALL, inputs) for rule in rules)
        memory = max(memory_mb(table, rule, inputs) for rule in rules)
        name = "+".join(dict.fromkeys(rules))
        tasks.append(Task(name, threads, memory, limits, takes, tuple(after)))
        return len(tasks) - 1

    for _ in range(LANES):
        add(["screen_lane"], 1, (), 1 / LANES)
    align = add(["align"], 16, ())
    verified = add(["verify_alignment"], 1, [align])
    together = 4 if grouped else 1
    pieces = [
        add(["call_piece"] * together, 1, [verified], 1 / PIECES) for _ in range(PIECES // together)
    ]
    structural = ["call_structural", "call_copy_number"]
    for rules in [structural] if grouped else [[rule] for rule in structural]:
        add(rules, 2, [verified])
    if grouped:
        add(["measure_depth", "count_reads"], 2, [verified])
        pieces.append(len(tasks) - 1)
        called = add(["gather_gvcf", "measure_sample"], 2, pieces)
        judged = add(["judge_sample"], 1, [called])
    else:
        measured = [add([rule], 2, [verified]) for rule in ("measure_depth", "count_reads")]
        gvcf = add(["gather_gvcf"], 2, pieces)
        judged = add(["judge_sample"], 1, [add(["measure_sample"], 1, [*measured, gvcf])])
    add(["register_genome"], 1, [judged])
    return tasks


#: (cores and memory of the job, node, moment from which it has room there).
_Reservation = tuple[tuple[int, int], int, float]


class _Job:
    __slots__ = ("ends", "genome", "limit", "node", "place", "queued")

    def __init__(self, genome: int, place: int, queued: float) -> None:
        self.genome, self.place, self.queued = genome, place, queued
        self.node, self.ends, self.limit = -1, 0.0, 0.0


class Simulation:
    """One programme on one cluster."""

    def __init__(
        self,
        tasks: Sequence[Task],
        cluster: Cluster,
        arrivals: Sequence[float],
        *,
        spread: float = 0.15,
        seed: int = 1,
        start_s: float = START_S,
        commit_s: float = COMMIT_S,
    ) -> None:
        self._tasks, self._cluster, self._arrivals = tasks, cluster, arrivals
        self._start_s, self._commit_s = start_s, commit_s
        self._random, self._spread = random.Random(seed), spread
        self._cores = np.full(cluster.nodes, cluster.cores)
        self._memory = np.full(cluster.nodes, cluster.memory_mb)
        self._running: list[set[_Job]] = [set() for _ in range(cluster.nodes)]
        self._missing: dict[int, list[int]] = {}
        self._followers = [
            [after for after, task in enumerate(tasks) if place in task.after]
            for place in range(len(tasks))
        ]
        self._left: dict[int, int] = {}
        self._held: deque[_Job] = deque()  # by Snakemake: the queue is full
        self._queues: dict[tuple[int, int], deque[_Job]] = {}
        self._queued = self._in_cluster = 0
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._sequence = 0
        self._vault_free = 0.0
        self._reservation: _Reservation | None = None
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Simulate until every genome is in the database."""
        for genome, moment in enumerate(self._arrivals):
            self._at(moment, lambda now, genome=genome: self._arrive(genome, now))
        hour = 0.0
        while self._events:
            now = self._events[0][0]
            while hour <= now:
                self.outcome.queue.append((hour, self._queued + len(self._held)))
                hour += 3600.0
            while self._events and self._events[0][0] == now:
                heapq.heappop(self._events)[2](now)
            self._schedule(now)
        return self.outcome

    def _at(self, moment: float, action: Callable[[float], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (moment, self._sequence, action))

    def _arrive(self, genome: int, now: float) -> None:
        self._missing[genome] = [len(task.after) for task in self._tasks]
        self._left[genome] = len(self._tasks)
        for place, task in enumerate(self._tasks):
            if not task.after:
                self._hold(_Job(genome, place, now))

    def _hold(self, job: _Job) -> None:
        # Jobs of a genome that was begun go before those of new ones, so that genomes get done.
        (self._held.appendleft if self._tasks[job.place].after else self._held.append)(job)

    def _schedule(self, now: float) -> None:
        while self._held and self._in_cluster < self._cluster.most_jobs:
            job = self._held.popleft()
            task = self._tasks[job.place]
            job.queued = now
            self._queues.setdefault((task.cores, task.memory_mb), deque()).append(job)
            self._queued += 1
            self._in_cluster += 1
        blocked: set[tuple[int, int]] = set()
        while True:
            waiting = [
                (queue[0].queued, shape)
                for shape, queue in self._queues.items()
                if queue and shape not in blocked
            ]
            if not waiting:
                return
            _, shape = min(waiting)
            if not self._start(shape, now):
                blocked.add(shape)

    def _start(self, shape: tuple[int, int], now: float) -> bool:
        queue = self._queues[shape]
        job = queue[0]
        limit = now + self._tasks[job.place].limit_s
        node = self._node_for(shape, limit)
        if node is None:
            if self._reservation is None:
                self._reservation = self._reserve(shape)
            return False
        if self._reservation and self._reservation[0] == shape:
            self._reservation = None
        queue.popleft()
        self._queued -= 1
        self._launch(job, node, limit, now)
        return True

    def _node_for(self, shape: tuple[int, int], limit: float) -> int | None:
        """The fullest node with room; not the reserved one, where that would delay its job."""
        cores, memory = shape
        fits = (self._cores >= cores) & (self._memory >= memory)
        reserved = self._reservation
        if reserved and self._would_delay(reserved, shape, reserved[1], limit):
            fits[reserved[1]] = False
        free = np.where(fits, self._cores, self._cluster.cores + 1)
        best = int(free.argmin())
        return best if fits[best] else None

    @staticmethod
    def _would_delay(
        reserved: tuple[tuple[int, int], int, float],
        shape: tuple[int, int],
        node: int,
        limit: float,
    ) -> bool:
        whose, where, when = reserved
        return where == node and whose != shape and limit > when

    def _reserve(self, shape: tuple[int, int]) -> _Reservation:
        """The node that will have room first, and when, by the limits of what runs there."""
        cores, memory = shape
        best = (float("inf"), 0)
        for node, jobs in enumerate(self._running):
            free, room = int(self._cores[node]), int(self._memory[node])
            when = 0.0
            for job in sorted(jobs, key=lambda each: each.limit):
                if free >= cores and room >= memory:
                    break
                task = self._tasks[job.place]
                free, room, when = free + task.cores, room + task.memory_mb, job.limit
            best = min(best, (when, node))
        return shape, best[1], best[0]

    def _launch(self, job: _Job, node: int, limit: float, now: float) -> None:
        task = self._tasks[job.place]
        factor = max(0.5, self._random.gauss(1.0, self._spread)) if self._spread else 1.0
        takes = min(self._start_s + task.takes_s * factor, task.limit_s + self._start_s)
        job.node, job.limit = node, limit
        self._cores[node] -= task.cores
        self._memory[node] -= task.memory_mb
        self._running[node].add(job)
        self.outcome.core_s += takes * task.cores
        self.outcome.mb_s += takes * task.memory_mb
        longest = self.outcome.waited.get(task.name, 0.0)
        self.outcome.waited[task.name] = max(longest, now - job.queued)
        self._at(now + takes, lambda then: self._end(job, then))

    def _end(self, job: _Job, now: float) -> None:
        task = self._tasks[job.place]
        self._cores[job.node] += task.cores
        self._memory[job.node] += task.memory_mb
        self._running[job.node].discard(job)
        self._in_cluster -= 1
        missing = self._missing[job.genome]
        for follower in self._followers[job.place]:
            missing[follower] -= 1
            if not missing[follower]:
                self._hold(_Job(job.genome, follower, now))
        self._left[job.genome] -= 1
        if not self._left[job.genome]:
            self._vault_free = max(self._vault_free, now) + self._commit_s
            self._at(self._vault_free, lambda then: self._loaded(job.genome, then))

    def _loaded(self, genome: int, now: float) -> None:
        del self._missing[genome], self._left[genome]
        self.outcome.ended.append(now - self._arrivals[genome])
        self.outcome.makespan_s = max(self.outcome.makespan_s, now)


def bounds_per_day(tasks: Sequence[Task], cluster: Cluster, disk_gb_s: float) -> dict[str, float]:
    """Genomes a day that each part alone would allow."""
    cores = sum(task.cores * (task.takes_s + START_S) for task in tasks)
    memory = sum(task.memory_mb * (task.takes_s + START_S) for task in tasks)
    return {
        "cores": cluster.nodes * cluster.cores * DAY / cores,
        "memory": cluster.nodes * cluster.memory_mb * DAY / memory,
        "disk": disk_gb_s * DAY / sum(IO_GB.values()),
        "vault": DAY / COMMIT_S,
        "queue": cluster.most_jobs * DAY / sum(task.takes_s + START_S for task in tasks),
    }


def arrivals_of(genomes: int, per_day: float | None) -> list[float]:
    """All at once, or so many every day at once, as a day's wave."""
    if per_day is None:
        return [0.0] * genomes
    return [(number // per_day) * DAY for number in range(genomes)]


HEADER = (
    *("cores", "genomes", "days", "genomes_per_day", "utilisation", "core_h_per_genome"),
    *("eur_per_genome", "queue_mean", "queue_max", "turnaround_h_median", "turnaround_h_p95"),
    *("bottleneck", "bound_per_day", "simulated_in_s"),
)


def row(cores: int, arguments: argparse.Namespace, tasks: Sequence[Task]) -> list[str]:
    """One line of the answer."""
    cluster = Cluster(cores // 32, most_jobs=arguments.jobs)
    started = time.perf_counter()
    arrivals = arrivals_of(arguments.genomes, arguments.per_day)
    found = Simulation(tasks, cluster, arrivals).run()
    days = found.makespan_s / DAY
    ended = sorted(found.ended)
    waiting = [count for _, count in found.queue]
    core_h, gb_h = found.core_s / 3600 / len(ended), found.mb_s / 3.6e6 / len(ended)
    name, bound = min(
        bounds_per_day(tasks, cluster, arguments.disk_gb_s).items(), key=lambda item: item[1]
    )
    return [
        f"{cluster.nodes * cluster.cores}",
        f"{len(ended)}",
        f"{days:.1f}",
        f"{len(ended) / days:.1f}",
        f"{found.core_s / (cluster.nodes * cluster.cores * found.makespan_s):.3f}",
        f"{core_h:.1f}",
        f"{core_h * CORE_HOUR + gb_h * GB_HOUR:.2f}",
        f"{statistics.fmean(waiting):.0f}",
        f"{max(waiting)}",
        f"{statistics.median(ended) / 3600:.1f}",
        f"{ended[int(0.95 * (len(ended) - 1))] / 3600:.1f}",
        name if arguments.per_day is None or bound < arguments.per_day else "arrivals",
        f"{bound:.1f}",
        f"{time.perf_counter() - started:.0f}",
    ]


def throughput_svg(rows: Sequence[Sequence[str]]) -> str:
    """Genomes a day by size of the cluster, beside what its cores alone would allow."""
    points = [dict(zip(HEADER, row, strict=True)) for row in rows]
    sizes = [float(point["cores"]) for point in points]
    most = max(float(point["genomes_per_day"]) for point in points) * 1.15
    width, height, left, bottom = 640.0, 300.0, 64.0, 44.0

    def x(cores: float) -> float:
        return left + (width - left - 20) * cores / max(sizes)

    def y(per_day: float) -> float:
        return height - bottom - (height - bottom - 16) * per_day / most

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        'role="img" aria-label="Genomes a day by cores" font-family="sans-serif" font-size="12">',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
        f'<path d="M{left},16V{y(0):.1f}H{width - 10}" fill="none" stroke="#555"/>',
        f'<text x="{left}" y="12" text-anchor="middle">genomes a day</text>',
        f'<text x="{width - 12}" y="{height - 6}" text-anchor="end">cores</text>',
    ]
    line = " ".join(
        f"{x(float(point['cores'])):.1f},{y(float(point['genomes_per_day'])):.1f}"
        for point in points
    )
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1b6ca8" stroke-width="2"/>')
    for cores, point in zip(sizes, points, strict=True):
        at, per_day = x(cores), float(point["genomes_per_day"])
        use = 100 * float(point["utilisation"])
        parts += [
            f'<circle cx="{at:.1f}" cy="{y(per_day):.1f}" r="4" fill="#1b6ca8"/>',
            f'<text x="{at - 8:.1f}" y="{y(per_day) - 6:.1f}" text-anchor="end">{per_day:,.0f}, '
            f"{use:.0f} % of the cores busy</text>",
            f'<text x="{at:.1f}" y="{height - 26}" text-anchor="middle">{cores:,.0f}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """Print a line for each size of cluster."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--cores", type=int, nargs="+", default=[1024, 2048, 5120, 10240])
    parser.add_argument("--genomes", type=int, default=60_000)
    parser.add_argument("--per-day", type=float, help="Genomes that come a day. Default: at once.")
    parser.add_argument("--jobs", type=int, default=5_000, help="Jobs in the queue at a time.")
    parser.add_argument("--disk-gb-s", type=float, default=10.0, help="Of the shared disk.")
    parser.add_argument("--ungrouped", action="store_true", help="Every rule a job of its own.")
    parser.add_argument("--svg", type=Path, help="Also a chart of the throughput.")
    parser.add_argument("--table", type=Path, help="Table of resources.")
    arguments = parser.parse_args()
    table = read_table(arguments.table) if arguments.table else read_table()
    tasks = genome_tasks(table, grouped=not arguments.ungrouped)
    print("\t".join(HEADER))
    rows = []
    for cores in arguments.cores:
        rows.append(row(cores, arguments, tasks))
        print("\t".join(rows[-1]))
        sys.stdout.flush()
    if arguments.svg:
        arguments.svg.write_text(throughput_svg(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
