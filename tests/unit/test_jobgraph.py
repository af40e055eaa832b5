import inspect
import os
import re
import subprocess
import sys

import pytest

from wgs_pipeline.jobgraph import arguments_known

pytest.importorskip("snakemake")


def test_snakemake_sees_the_arguments_that_a_function_has():
    from snakemake.common import get_function_params, get_input_function_aux_params

    def mem_mb(wildcards, threads, attempt=1):
        return threads * attempt

    expected = dict(inspect.signature(mem_mb).parameters)
    assert get_function_params(arguments_known(mem_mb)) == expected
    given = {"threads": 4, "attempt": 2, "input": ["a"]}
    assert get_input_function_aux_params(mem_mb, given) == {"threads": 4, "attempt": 2}


def test_of_a_method_all_but_self():
    from snakemake.common import get_function_params

    class Size:
        def evaluate(self, wildcards, **more):
            return wildcards

    arguments_known(Size.evaluate)
    assert list(get_function_params(Size().evaluate)) == ["wildcards", "more"]


WORKFLOW = """
from wgs_pipeline.jobgraph import spare_repetition
if config["spare"]:
    spare_repetition()

rule all:
    input: expand("{n}.txt", n=range(4)), expand("{n}.copy", n=range(4))

rule start:
    output: temp("start")
    shell: "echo start >{output}"

rule make:
    input: "start"
    output: "{n}.txt"
    retries: 2
    threads: 2
    params: word=lambda wildcards: f"number{wildcards.n}"
    resources: mem_mb=lambda wildcards, attempt: 100 * attempt
    shell: "echo {wildcards.n} {threads} {params.word} {resources.mem_mb}; "
           "[ {wildcards.n} != 2 ] || [ {resources.mem_mb} = 300 ]; "
           "echo {params.word} {resources.mem_mb} >{output}"

rule copy:
    input: lambda wildcards: ["start", f"{wildcards.n}.txt"]
    output: "{n}.copy"
    resources: mem_mb=200, runtime="1h"
    shell: "cat {input} >{output}"
"""


def run(folder, spare, *arguments):
    folder.mkdir()
    (folder / "Snakefile").write_text(WORKFLOW)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--config", f"spare={spare}"]
    return subprocess.run(
        [*command, "--printshellcmds", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # a dry run says it on standard output
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},  # by which it orders reasons
        timeout=120,
        check=True,
    ).stdout


def commands(output):
    return sorted(line.strip() for line in output.splitlines() if "echo" in line)


def jobs(output):
    """What a dry run says of each job, without the time and the number of the job."""
    said = re.sub(r"(?m)^\[.*\]$|^    jobid: .*$", "", output)
    return sorted(re.findall(r"(?ms)^rule \w+:\n(?:    [^\n]*\n|\n)+", said))


def test_commands_are_printed_as_without_also_at_another_attempt(tmp_path):
    plain, spared = run(tmp_path / "plain", 0), run(tmp_path / "spared", 1)
    assert commands(spared) == commands(plain)
    assert len(commands(plain)) >= 6  # four jobs, one of which is tried three times
    for folder in ("plain", "spared"):
        assert (tmp_path / folder / "2.txt").read_text() == "number2 300\n"


def test_the_graph_is_the_same(tmp_path):
    arguments = ("--dry-run", "--default-resources", "disk_mb=50*attempt", "account=wgs")
    plain = run(tmp_path / "plain", 0, *arguments)
    spared = run(tmp_path / "spared", 1, *arguments)
    assert jobs(spared) == jobs(plain)
    assert len(jobs(plain)) == 1 + 1 + 4 + 4
    for said in ("mem_mb=100", "runtime=60", "disk_mb=50", "account=wgs", "input: start, 3.txt"):
        assert said in plain


CYCLE = """
from wgs_pipeline.jobgraph import spare_repetition
spare_repetition()

rule all:
    input: "b", "a"

rule one:
    input: "a"
    output: "b"
    shell: "cp {input} {output}"

rule other:
    input: "b"
    output: "a"
    shell: "cp {input} {output}"
"""


def test_a_cycle_is_found(tmp_path):
    (tmp_path / "Snakefile").write_text(CYCLE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Cyclic dependency" in done.stdout + done.stderr


INSIDE = """
from wgs_pipeline.jobgraph import spare_repetition
spare_repetition()

rule all:
    input: "made/folder", "made/folder/{}file"

rule folder:
    output: directory("made/folder")
    shell: "mkdir {{output}}"

rule file:
    output: "made/folder/{}file"
    shell: "touch {{output}}"
"""


@pytest.mark.parametrize("between", ["", "deeper/still/"])
def test_an_output_in_the_folder_of_another_is_found(tmp_path, between):
    (tmp_path / "Snakefile").write_text(INSIDE.format(between, between))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ChildIOException" in done.stdout + done.stderr


REQUESTS = """
from wgs_pipeline.jobgraph import asks_for_size, spare_repetition
if config["spare"]:
    spare_repetition()

def mem_mb(wildcards, threads, attempt):
    return 100 * int(wildcards["n"]) * threads * attempt + len(wildcards.get("m", ""))

rule all:
    input: "1.txt", "2.txt"

rule start:
    output: temp("start")
    shell: "echo start >{output}"

rule make:
    input: ancient("start")
    output: touch("{n}.txt")
    threads: 2
    retries: 1
    resources: mem_mb=asks_for_size(mem_mb), runtime="1h"
    shell: "echo {resources.mem_mb} {resources.mem}; [ {resources.mem_mb} != 400 ]"
"""


def test_requests_of_size_and_files_with_flags_are_as_without(tmp_path):
    said = []
    for spare in (0, 1):
        folder = tmp_path / str(spare)
        folder.mkdir()
        (folder / "Snakefile").write_text(REQUESTS)
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--config", f"spare={spare}"]
        done = subprocess.run(
            [*command, "--printshellcmds"], cwd=folder, capture_output=True, text=True, check=True
        )
        said.append((sorted(done.stdout.split()), jobs(done.stderr)))
    plain, spared = said
    assert spared == plain
    # 100 MB for each of 2 threads; the second is tried again with twice as much.
    assert sorted(word for word in plain[0] if word.isdigit() and int(word) > 99) == [
        *("200", "200", "400", "400", "800", "800")
    ]


def test_each_part_fits_this_snakemake():
    """A part that Snakemake has outgrown does nothing: this is where one sees it."""
    script = """
from wgs_pipeline.jobgraph import spare_repetition
import snakemake.api  # first: the others import one another
from snakemake import common, dag, io, jobs, resources, rules
spare_repetition()
for function in (
    rules.get_function_params, dag.is_flagged, io.is_flagged, jobs.is_flagged, dag.DAG.update,
    dag.DAG.check_directory_outputs, jobs.Job.is_valid, rules.Rule.apply_input_function,
    resources.Resource.cli_evaluator, jobs.fmt_iofile, io._IOFile.is_storage.fget,
    jobs.format,
):
    assert function.__module__.startswith("snakemake"), function
    assert "jobgraph" in function.__code__.co_filename, function
assert hasattr(resources.Resource.evaluate, common.FUNC_OVERWRITE_PARAMS_ATTR)
assert "jobgraph" in jobs.Job.shellcmd.fget.__code__.co_filename
"""
    subprocess.run([sys.executable, "-c", script], check=True)
