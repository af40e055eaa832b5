"""How reads and bases are weighed: options of ``bcftools mpileup``, one changed at a time."""

from __future__ import annotations

import subprocess
from pathlib import Path

from wgs_pipeline.config import CallingConfig
from wgs_pipeline.engines import failing_sites

#: Name to what is added to, or taken from, the options that the workflow uses.
OPTIONS: dict[str, tuple[str, ...]] = {
    "as shipped": (),
    "no base alignment quality (-B)": ("--no-BAQ",),
    "base alignment quality everywhere (-E)": ("--redo-BAQ",),
    "orphans left out": ("-orphans",),
    "base quality 10": ("--min-BQ=10",),
    "base quality 30": ("--min-BQ=30",),
    "base quality capped at 30": ("--max-BQ=30",),
    "indel bias 0.75 (fewer missed)": ("--indel-bias=0.75",),
    "indel bias 1.5 (fewer false)": ("--indel-bias=1.5",),
}


def call_with(option: str, cram: Path, fasta: Path, calling: CallingConfig, output: Path) -> Path:
    """Call one sample as the workflow does, but for one option; a VCF with FILTER set."""
    shipped = {
        "--min-MQ": f"--min-MQ={calling.min_mapping_quality}",
        "--min-BQ": f"--min-BQ={calling.min_base_quality}",
        "-orphans": "--count-orphans",
    }
    changed = OPTIONS[option]
    kept = [text for key, text in shipped.items() if key not in {c.split("=")[0] for c in changed}]
    added = [each for each in changed if each != "-orphans"]
    steps = (
        ["bcftools", "mpileup", "--fasta-ref", fasta, *kept, *added,
         "--annotate=FORMAT/AD,FORMAT/DP", "-Ou", cram],
        ["bcftools", "call", "--multiallelic-caller", "--variants-only", "-Ou"],
        ["bcftools", "filter", "--soft-filter", "LowQual", "--exclude", failing_sites(calling),
         "-Oz", "-o", output],
    )  # fmt: skip
    source = None
    running = []
    for step in steps:
        process = subprocess.Popen(
            [str(part) for part in step], stdin=source, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        running.append(process)
        source = process.stdout
    if any(process.wait() for process in reversed(running)):
        raise SystemExit(f"{option}: bcftools failed on {cram}")
    subprocess.run(["tabix", "--preset", "vcf", "--force", output], check=True)
    return output
