"""What the kernel counts for a job, against what bash counts of the same job for itself."""

import json
import re
import subprocess
import sys

import pytest

pytest.importorskip("snakemake")

# Snakemake looks once, at the start: what the job computes then, it never sees. Bash's `times` has
# two lines, of the shell and of its children: user and system time of each.
WORKFLOW = """
from snakemake import benchmark
benchmark.BENCHMARK_INTERVAL_SHORT = 600

from wgs_pipeline.jobusage import count_usage
count_usage()

PYTHON = sys.executable
BURN = "import sys; held = sys.argv[1][:1] * (int(sys.argv[1]) << 20); sum(range(int(sys.argv[2])))"

rule all:
    input: "piped.txt", "failing.txt", "killed.txt"

rule piped:
    output: "piped.txt"
    benchmark: "benchmarks/piped/one.tsv"
    params: burn=BURN
    shell:
        '''
        trap 'times >{output}' EXIT
        exec 2>piped.log
        sleep 0.2
        {PYTHON} -c {params.burn:q} 500 4000000 | {PYTHON} -c {params.burn:q} 1 3000000
        ({PYTHON} -c {params.burn:q} 1 2000000)
        '''

rule failing:
    output: "failing.txt"
    benchmark: "benchmarks/failing/one.tsv"
    retries: 1
    resources: attempt=lambda wildcards, attempt: attempt
    shell: "[[ {resources.attempt} = 2 ]] && times >{output}"

rule killed:
    output: "killed.txt"
    benchmark: "benchmarks/killed/one.tsv"
    shell: "kill -9 $$"
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usage")
    (folder / "Snakefile").write_text("import sys\n" + WORKFLOW)
    stale = folder / "benchmarks/failing/one.usage.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    # Linux counts the memory of whoever starts a program as that program's: here that is a shell's,
    # and not all that this process of tests has come to hold.
    by_a_shell = ["sh", "-c", '"$@"; exit $?', "sh"]
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--keep-going"]
    done = subprocess.run(
        [*by_a_shell, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "SIGKILL" in done.stderr or "exit status -9" in done.stderr or "killed" in done.stderr
    return folder


def usage(folder, rule):
    return json.loads((folder / f"benchmarks/{rule}/one.usage.json").read_text())


def row(folder, rule):
    header, line = (folder / f"benchmarks/{rule}/one.tsv").read_text().splitlines()
    return dict(zip(header.split("\t"), line.split("\t"), strict=True))


def seconds(times):
    found = re.findall(r"(\d+)m([\d.]+)s", times)
    assert len(found) == 4
    return sum(60 * int(minutes) + float(rest) for minutes, rest in found)


def test_all_members_of_a_pipe_are_counted_to_their_end(ran):
    counted = usage(ran, "piped")
    by_bash = seconds((ran / "piped.txt").read_text())
    assert by_bash > 0.1
    assert counted["user_s"] + counted["system_s"] == pytest.approx(by_bash, abs=0.03, rel=0.02)
    # Most memory of the largest process: 500 MB and the interpreter's own.
    assert 500 < counted["max_rss_mb"] < 500 + 40


def test_memory_below_snakemakes_own_is_not_known(ran):
    assert usage(ran, "failing")["max_rss_mb"] is None


def test_the_benchmark_file_stays_as_snakemake_writes_it(ran):
    benchmark, counted = row(ran, "piped"), usage(ran, "piped")
    assert float(benchmark["s"]) == pytest.approx(counted["wall_s"], abs=0.011)
    # It looked when the job began: the figure that was too low.
    assert benchmark["cpu_time"] in {"0.00", "0.01", "0.02", "NA"}


def test_an_attempt_that_succeeds_leaves_its_own_figures(ran):
    assert usage(ran, "failing")["wall_s"] == pytest.approx(
        float(row(ran, "failing")["s"]), abs=0.011
    )


def test_a_job_that_was_killed_leaves_none(ran):
    assert not (ran / "killed.txt").exists()
    assert list((ran / "benchmarks/killed").iterdir()) == []
