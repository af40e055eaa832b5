"""Which tools a run uses, and in which version they are found here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from importlib import metadata

from wgs_pipeline import __version__
from wgs_pipeline.aligners import resolve
from wgs_pipeline.project import Project

_LONGEST_S = 20
#: How each tool is asked; bwa says it only when it is run without arguments.
_QUESTIONS: dict[str, tuple[str, ...]] = {
    "bwa": ("bwa",),
    "minibwa": ("minibwa", "version"),
    **{name: (name, "version") for name in ("bwa-mem2", "bwa-mem3", "bwa-mem4")},
    "samtools": ("samtools", "--version"),
    "bcftools": ("bcftools", "--version"),
    "freebayes": ("freebayes", "--version"),
    "gatk": ("gatk", "--version"),
    "deepvariant": ("run_deepvariant", "--version"),
    "mosdepth": ("mosdepth", "--version"),
    "fastp": ("fastp", "--version"),
    "delly": ("delly", "--version"),
    "tabix": ("tabix", "--version"),
}
_PACKAGES = ("snakemake", "multiqc", "dysgu")


def versions(project: Project) -> dict[str, str | None]:
    """Versions of the tools that the project uses; None is not found here.

    They are those on PATH as the report is written: jobs that run in environments of their own
    may have used others.
    """
    found: dict[str, str | None] = {"wgs_pipeline": __version__}
    found["python"] = ".".join(map(str, sys.version_info[:3]))
    found |= {name: _package_version(name) for name in _PACKAGES}
    return found | {tool: _tool_version(_QUESTIONS[tool]) for tool in _tools(project)}


def _tools(project: Project) -> list[str]:
    kinds = {project.units[sample][0].kind for sample in project.analysed}
    tools = ["samtools", "bcftools", "tabix"]
    if "fastq" in kinds:
        tools += [resolve(project.config).name, "fastp"]
    if kinds - {"gvcf"}:
        tools += ["mosdepth", project.config.calling.engine]
        if project.config.structural.enabled:
            tools += project.config.structural.callers
    return [tool for tool in _QUESTIONS if tool in tools]


@cache
def _tool_version(question: tuple[str, ...]) -> str | None:
    if shutil.which(question[0]) is None:
        return None
    try:
        done = subprocess.run(
            question,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # bwa names its authors in Latin-1
            check=False,
            timeout=_LONGEST_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\bv?(\d+\.\d+[\w.+-]*)", done.stdout + done.stderr)
    return match[1] if match else None


def _package_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
