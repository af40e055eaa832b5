"""The shell commands of workflow rules, run as they stand but without the workflow."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import string
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

RULES = Path(__file__).parents[1] / "workflow" / "rules"


class _Formatter(string.Formatter):
    """Formats as snakemake does: lists with spaces between, ``:q`` quotes for the shell."""

    def format_field(self, value, spec):
        items = [value] if isinstance(value, str | Path | int) else list(value)
        return " ".join(shlex.quote(str(item)) if spec == "q" else str(item) for item in items)


def shell_of(rule_file, rule):
    """The shell command of a rule, with its placeholders."""
    text = (RULES / rule_file).read_text()
    (body,) = re.findall(rf"(?ms)^rule {rule}:\n(.*?)(?=^\w|\Z)", text)
    return ast.literal_eval("(" + body.split("    shell:\n")[1] + ")")


def run_rule(folder, rule_file, rule, **directives):
    """Run the command of a rule in ``folder``.

    Args:
        folder: Working directory.
        rule_file: Path below workflow/rules.
        rule: Name of the rule.
        directives: Contents of input, output, params, wildcards as dictionaries; threads.
    """
    values = {
        name: SimpleNamespace(**value) if isinstance(value, dict) else value
        for name, value in directives.items()
    }
    values |= {"log": "log.txt", "resources": SimpleNamespace(tmpdir=str(folder))}
    values.setdefault("threads", 1)
    command = _Formatter().format(shell_of(rule_file, rule), **values)
    for output in directives["output"].values():
        (folder / output).parent.mkdir(parents=True, exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail; {command}"],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    log = (folder / "log.txt").read_text() if (folder / "log.txt").exists() else ""
    assert done.returncode == 0, f"{command}\n{log}{done.stderr}"


def need(*tools):
    """Skip the test where a tool is not installed."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
