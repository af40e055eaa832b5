"""Projects with results in any state, written file by file as the workflow would leave them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wgs_pipeline.project import Project
from wgs_pipeline.report.collect import collect

NOW = datetime(2025, 3, 2, 14, 5, 9, tzinfo=UTC)
CONFIG = """\
samples: samples.tsv
units: units.tsv
consents: consents.tsv
results: results
reference: {build: small, fasta: reference.fa}
aligner: {name: bwa}
calling: {scatter_count: 2}
ngd: {root: ngd, vault: vault}
"""
UNIT_COLUMNS = [
    *("sample_id", "library_id", "flowcell", "lane"),
    *("fastq_1", "fastq_2", "cram", "gvcf"),
]
#: What each stage of sample S of family F with lane FLOW.1.L leaves, in the order of the workflow.
MADE = {
    "reads": ["qc/{s}/FLOW.1.L.fastp.json"],
    "alignment": [f"alignment/{{s}}.{end}" for end in ("cram", "cram.crai", "cram.md5", "json")],
    "gvcf": ["gvcf/{s}.g.vcf.gz", "gvcf/{s}.g.vcf.gz.tbi", "gvcf/{s}.json"],
    "callset": [
        *("callset/{f}.vcf.gz", "callset/{f}.vcf.gz.tbi"),
        *(
            f"family/{{f}}/{name}.tsv"
            for name in ("mendelian", "de_novo", "inheritance", "upd", "roh", "roh_runs")
        ),
        "family/{f}/summary.json",
    ],
    "structural": [
        *("structural/{s}.vcf.gz", "structural/{s}.vcf.gz.tbi"),
        *("copy_number/{s}.tsv", "copy_number/{s}.vcf.gz"),
    ],
    "qc": [
        *("qc/{s}/mosdepth.quantized.bed.gz", "qc/{s}/samtools_stats.txt"),
        *("qc/{s}/bcftools_stats.txt", "qc/{s}/charr.json", "qc/{s}/metrics.json"),
        "qc/{s}/fingerprint.npz",
    ],
    "verdict": ["qc/{s}/identity.json", "qc/{s}/verdict.json"],
    "database": ["ngd/{s}.registration.json", "ngd/{s}.loaded.json"],
}


@dataclass
class ReportProject:
    """A project directory whose results are written by hand."""

    folder: Path

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def write(self, path: str, text: str = "") -> Path:
        """Write a file below results."""
        target = self.results / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def log(self, rule: str, key: str, text: str = "") -> None:
        self.write(f"logs/{rule}/{key}.log", text)

    def benchmark(
        self,
        rule: str,
        key: str,
        wall: str,
        cpu: str,
        rss: str = "10.0",
        *,
        threads: int = 0,
        mem_mb: int = 0,
        wildcards: Mapping[str, str] | None = None,
    ) -> None:
        """A benchmark file; with threads it has the extended columns, as Snakemake writes them."""
        header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
        row = f"{wall}\t0:00:00\t{rss}\t1\t1\t1\t0\t0\t50.0\t{cpu}"
        if threads:
            header += "\tjobid\trule_name\twildcards\tparams\tthreads\tcpu_usage\tresources"
            asked = {"tmpdir": "/tmp", "runtime": 10, "mem_mb": mem_mb, "_cores": threads}
            row += f"\t3\t{rule}\t{dict(wildcards or {})}\t{{'a': \"b's\"}}\t{threads}\t9\t{asked}"
        self.write(f"benchmarks/{rule}/{key}.tsv", f"{header}\n{row}\n")

    def usage(
        self, rule: str, key: str, wall_s: float, user_s: float, system_s: float, rss: float | None
    ) -> None:
        """What the kernel counted for the job of a benchmark file."""
        figures = {"wall_s": wall_s, "user_s": user_s, "system_s": system_s, "max_rss_mb": rss}
        self.write_json(f"benchmarks/{rule}/{key}.usage.json", figures)

    def mark_unfinished(self, path: str) -> None:
        """Mark an output as snakemake does while its job runs."""
        name = base64.urlsafe_b64encode(path.encode()).decode()
        self.write(f".snakemake/incomplete/{name}", "{}")

    def make(self, sample: str, family: str, *stages: str) -> None:
        """Everything that the given stages leave."""
        for stage in stages:
            for path in MADE[stage]:
                self.write(path.format(s=sample, f=family), "{}")
        if "qc" in stages:
            self.write_json(f"qc/{sample}/metrics.json", metrics(sample))
        if "verdict" in stages:
            self.write_json(f"qc/{sample}/verdict.json", verdict(sample))
        if "database" in stages:
            self.write_json(f"ngd/{sample}.loaded.json", receipt(sample))

    def write_json(self, path: str, value: object) -> None:
        self.write(path, json.dumps(value))

    def load(self) -> Project:
        return Project.load(self.config, as_of=NOW)

    def document(self) -> dict:
        return collect(self.load(), NOW)


def metrics(sample: str, coverage: float = 31.5) -> dict:
    """A metrics.json in which few metrics apply."""
    applying = {
        "mean_autosome_coverage": (coverage, "x"),
        "median_autosome_coverage": (31.0, "x"),
        "pct_autosomes_15x": (99.5, "%"),
        "mean_insert_size": (350.0, "bp"),
        "median_insert_size": (348.0, "bp"),
        "count_snvs": (123, "alleles"),
    }
    return {
        "sample": sample,
        "stated_sex": "female",
        "metrics": {
            name: {"value": value, "unit": unit, "source": "a tool"}
            for name, (value, unit) in applying.items()
        },
        "histograms": {
            "coverage": {"depth": list(range(60)), "bases": [min(d, 60 - d) for d in range(60)]},
            "insert_size": {"insert_size_bp": [300, 350, 400], "pairs": [10, 30, 10]},
        },
        "contigs": [],
    }


def verdict(
    sample: str,
    level: str = "pass",
    action: str = "load",
    reasons: Sequence[Mapping[str, object]] = (),
) -> dict:
    return {
        "sample": sample,
        "verdict": level,
        "next_action": action,
        "top_up_gb": None,
        "reasons": list(reasons),
        "passed": [],
        "not_judged": [],
    }


def reason(metric: str, value: float, threshold: float, level: str) -> dict:
    rule = f"{level} beyond {threshold}"
    return dict(metric=metric, value=value, threshold=threshold, rule=rule, level=level)


def receipt(sample: str, **more: object) -> dict:
    stated = {"slot": 77123, "generation": 3, "plane": "research", "already_loaded": False}
    return {"sample": sample, "loaded": True, **stated, **more}


def make_project(
    folder: Path,
    samples: Mapping[str, str],
    without_consent: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    config: str = "",
) -> ReportProject:
    """A project of samples (name to family); patient of sample S is ``person-S``."""
    folder.mkdir(parents=True, exist_ok=True)
    project = ReportProject(folder)
    kinds = kinds or {}
    moment = "2024-01-01T00:00:00Z"
    people, units, consents = [], [], []
    for name, family in samples.items():
        people.append(f"{name}\tperson-{name}\tfemale\t{family}")
        kind = kinds.get(name, "fastq")
        cells = {"sample_id": name}
        if kind == "fastq":
            cells |= {"library_id": "L", "flowcell": "FLOW", "lane": "1"}
            cells |= {f"fastq_{read}": f"{name}_R{read}.fastq.gz" for read in (1, 2)}
        else:
            cells[kind] = f"{name}.{kind}"
        units.append("\t".join(cells.get(column, "") for column in UNIT_COLUMNS))
        decision = "withdrawn" if name in without_consent else "given"
        consents.append(f"person-{name}\tanalysis\t{decision}\t{moment}\t{moment}\tform")
    headers = {
        "samples.tsv": ("sample_id\tpatient_id\tsex\tfamily_id", people),
        "units.tsv": ("\t".join(UNIT_COLUMNS), units),
        "consents.tsv": (
            "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource",
            consents,
        ),
    }
    for name, (header, rows) in headers.items():
        (folder / name).write_text("\n".join([header, *rows]) + "\n")
    (folder / "config.yaml").write_text(CONFIG + config)
    return project


def half_finished(folder: Path) -> ReportProject:
    """Six samples: loaded, warned, failed QC, failed at alignment, not finished, without consent.

    ``S-done`` and ``S-warn`` are one family. ``S-gone`` has no consent.
    """
    names = ("S-done", "S-warn", "S-low", "S-broken", "S-begun", "S-gone")
    families = {name: "F-two" if name in names[:2] else name for name in names}
    project = make_project(folder, families, without_consent=["S-gone"])
    for name in names[:3]:
        project.make(name, families[name], *MADE)
    coverage = reason("mean_autosome_coverage", 27.5, 30, "warn")
    project.write_json("qc/S-warn/metrics.json", metrics("S-warn", 27.5))
    project.write_json("qc/S-warn/verdict.json", verdict("S-warn", "warn", "load", [coverage]))
    low = reason("mean_autosome_coverage", 12.25, 25, "fail")
    action = "top up 1.5 Gb to reach 30x"
    project.write_json("qc/S-low/metrics.json", metrics("S-low", 12.25))
    project.write_json("qc/S-low/verdict.json", verdict("S-low", "fail", action, [low]))
    project.write_json(
        "ngd/S-low.loaded.json",
        {"sample": "S-low", "loaded": False, "reason": "QC verdict fail"},
    )
    project.make("S-broken", "S-broken", "reads")
    said = [f"line {number}" for number in range(1, 40)]
    project.log("align", "S-broken", "\n".join([*said, "person-S-broken: truncated gzip"]) + "\n")
    project.make("S-begun", "S-begun", "reads", "alignment")
    project.log("call_piece", "S-begun.0000", "calling\n")
    project.mark_unfinished("gvcf/pieces/S-begun/0000.g.vcf.gz")
    project.benchmark("align", "S-done", "100.5", "180.25", "2000.0")
    project.benchmark("align", "S-warn", "60.0", "90.0", "1500.0")
    project.benchmark("call_family_piece", "F-two.0000", "7.5", "6.5")
    return project
