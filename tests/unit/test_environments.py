"""The container has the tools of the conda environments, each in one version."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ENVS = Path(__file__).parents[2] / "workflow" / "envs"
#: Comes from the locked Python packages in the container.
PYTHON = {"multiqc"}


def pinned():
    """Tool to the versions that the environments name."""
    versions = {}
    for path in ENVS.glob("*.yaml"):
        for tool in yaml.safe_load(path.read_text())["dependencies"]:
            name, _, version = tool.partition("=")
            versions.setdefault(name, set()).add(version)
    return versions


def test_each_tool_has_one_version():
    assert {name: found for name, found in pinned().items() if len(found) != 1} == {}


def test_the_container_has_the_same_versions():
    definition = (ENVS / "wgs.def").read_text()
    named = dict(re.findall(r"\b([a-z]+\d?)=(\d+(?:\.\d+)+)\b", definition))
    wanted = {name: min(found) for name, found in pinned().items() if name not in PYTHON}
    assert {name: named.get(name) for name in wanted} == wanted
