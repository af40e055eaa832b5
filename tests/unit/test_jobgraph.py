import inspect
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
    input: expand("{n}.txt", n=range(4))

rule make:
    output: "{n}.txt"
    retries: 2
    threads: 2
    params: word=lambda wildcards: f"number{wildcards.n}"
    resources: mem_mb=lambda wildcards, attempt: 100 * attempt
    shell: "echo {wildcards.n} {threads} {params.word} {resources.mem_mb}; "
           "[ {wildcards.n} != 2 ] || [ {resources.mem_mb} = 300 ]; "
           "echo {params.word} {resources.mem_mb} >{output}"
"""


def run(folder, spare, *arguments):
    folder.mkdir()
    (folder / "Snakefile").write_text(WORKFLOW)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--config", f"spare={spare}"]
    return subprocess.run(
        [*command, "--printshellcmds", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stderr


def commands(output):
    return sorted(line.strip() for line in output.splitlines() if "echo" in line)


def test_commands_are_printed_as_without_also_at_another_attempt(tmp_path):
    plain, spared = run(tmp_path / "plain", 0), run(tmp_path / "spared", 1)
    assert commands(spared) == commands(plain)
    assert len(commands(plain)) >= 6  # four jobs, one of which is tried three times
    for folder in ("plain", "spared"):
        assert (tmp_path / folder / "2.txt").read_text() == "number2 300\n"
