"""The provenance of one sample as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgs_pipeline.aligners import resolve
from wgs_pipeline.digests import DigestStore
from wgs_pipeline.files import write_json
from wgs_pipeline.project import Project
from wgs_pipeline.provenance import FORMAT, VERSION
from wgs_pipeline.provenance.jobs import JobRecord, read_job
from wgs_pipeline.provenance.runs import read_runs, run_of
from wgs_pipeline.readgroups import read_group_id
from wgs_pipeline.report.collect import config_sha256, patient_ids_of
from wgs_pipeline.report.results import Results, moment, withheld
from wgs_pipeline.report.stages import Step, preparing_steps, sample_stages

#: Digests of the reference and of callsets, which are read once and kept.
STORE = Path("provenance/digests.json")


@dataclass
class Source:
    """What provenance is put together from: a project, its results, and digests that are kept."""

    project: Project
    results: Results
    runs: Sequence[Mapping[str, Any]]
    digests: DigestStore
    patient_ids: Sequence[str]

    @classmethod
    def of(cls, project: Project) -> Source:
        """The source of a project."""
        folder = project.config.results
        store = DigestStore(folder / STORE)
        return cls(project, Results(folder), read_runs(folder), store, patient_ids_of(project))

    def digest(self, path: str) -> str | None:
        """SHA-256 of a result, relative to the results folder; None where it is not there."""
        return self.digests.of(self.results.folder / path) if self.results.has(path) else None


def write_provenance(project: Project, folder: Path) -> None:
    """Write ``{sample}.json`` of every analysed sample into a folder."""
    source = Source.of(project)
    for sample in project.analysed:
        write_json(folder / f"{sample}.json", provenance(source, sample))
    source.digests.write()


def provenance(source: Source, sample: str) -> dict[str, Any]:
    """How the files of a sample came about; see ``provenance.schema.yaml``."""
    config = source.project.config
    kind = source.project.units[sample][0].kind
    steps = [*_preparing(source.project, sample), *_steps(source.project, sample)]
    found = [(step, read_job(config.results, step.outputs[0])) for step in steps]
    records = [(step, record) for step, record in found if record]
    begun = {run_of(source.runs, record.started) for _, record in records}
    numbers = sorted(number for number in begun if number is not None)
    runs = [dict(source.runs[number]) for number in numbers]
    inputs, outputs = list(_inputs(source, sample)), list(_outputs(source, sample))
    return {
        "format": FORMAT,
        "version": VERSION,
        "sample": sample,
        "complete": all(each["sha256"] for each in (*inputs, *outputs)),
        "config_sha256": config_sha256(config.values),
        "reference": {
            "build": config.reference.build,
            "sha256": source.digest("reference/genome.fa"),
        },
        "aligner": resolve(config).name if kind == "fastq" else None,
        "calling_engine": None if kind == "gvcf" else config.calling.engine,
        "ploidy": _ploidy(source, sample),
        "overrides": _overrides(source, sample),
        "inputs": inputs,
        "outputs": outputs,
        "runs": runs,
        "jobs": [
            _job(source, step, record, {number: at for at, number in enumerate(numbers)}, runs)
            for step, record in records
        ],
    }


def _preparing(project: Project, sample: str) -> Iterator[Step]:
    """Shared jobs that the sample rests on, and none of another sample."""
    for step in preparing_steps(project):
        if step.key in ("genome", "ngd", sample):
            yield step


def _steps(project: Project, sample: str) -> Iterator[Step]:
    for stage in sample_stages(project, sample):
        yield from stage.steps


def _job(
    source: Source,
    step: Step,
    record: JobRecord,
    position: Mapping[int | None, int],
    runs: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    command = withheld(record.command, source.patient_ids)
    at = position.get(run_of(source.runs, record.started))
    deployed = at is not None and "conda" in runs[at].get("deployment", ())
    return {
        "rule": record.rule,
        "key": step.key,
        "run": at,
        "started_at": moment(record.started),
        "seconds": round(record.ended - record.started, 3),
        "command": command,
        "identifiers_withheld": command != record.command,
        "environment": record.environment if deployed else None,
        "outputs": list(step.outputs),
    }


def _inputs(source: Source, sample: str) -> Iterator[dict[str, Any]]:
    """Files that the sample entered with; digests were taken as they were read."""
    units = source.project.units[sample]
    if units[0].kind == "fastq":
        tally = source.results.read_json(f"qc/{sample}/reads.json") or {}
        lanes = {each.get("read_group"): each for each in tally.get("read_groups", ())}
        for unit in units:
            lane = lanes.get(read_group_id(unit), {})
            for mate, path in enumerate(unit.paths, 1):
                yield _file(source, str(path), lane.get(f"sha256_{mate}"))
    elif units[0].kind == "cram":
        verified = source.results.read_json(f"alignment/{sample}.json") or {}
        yield _file(source, str(units[0].cram), verified.get("sha256"))
    else:
        verified = source.results.read_json(f"gvcf/{sample}.json") or {}
        yield _file(source, str(units[0].gvcf), verified.get("source_sha256"))


def _outputs(source: Source, sample: str) -> Iterator[dict[str, Any]]:
    """What was made of them, and is kept."""
    if source.project.units[sample][0].kind != "gvcf":
        verified = source.results.read_json(f"alignment/{sample}.json") or {}
        yield _file(source, f"alignment/{sample}.cram", verified.get("sha256"))
    verified = source.results.read_json(f"gvcf/{sample}.json") or {}
    yield _file(source, f"gvcf/{sample}.g.vcf.gz", verified.get("sha256"))
    family = source.project.samples[sample].family_id
    stages = {stage.id: stage.outputs for stage in sample_stages(source.project, sample)}
    for path in (
        f"callset/{family}.vcf.gz",
        *(path for path in stages["structural"] if path.endswith(".vcf.gz")),
        f"qc/{sample}/metrics.json",
        f"qc/{sample}/verdict.json",
    ):
        yield _file(source, path, source.digest(path))


def _file(source: Source, path: str, sha256: str | None) -> dict[str, Any]:
    return {"path": withheld(path, source.patient_ids), "sha256": sha256}


def _overrides(source: Source, sample: str) -> list[dict[str, str]]:
    """Findings that were signed off, as the verdict has them: who answers for them, when, why."""
    verdict = source.results.read_json(f"qc/{sample}/verdict.json") or {}
    fields = ("metric", "other", "signed_by", "signed_at", "reason")
    return [
        {field: withheld(str(each[field]), source.patient_ids) for field in fields}
        for each in verdict.get("overrides", ())
    ]


def _ploidy(source: Source, sample: str) -> dict[str, Any] | None:
    """Where the sample was not called as diploid; None where it was called elsewhere."""
    path = f"reference/ploidy/{sample}.bed"
    if source.project.units[sample][0].kind == "gvcf" or not source.results.has(path):
        return None
    text = (source.results.folder / path).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    chosen = source.results.read_json(f"reference/ploidy/{sample}.json") or {}
    return {
        "sha256": source.digest(path),
        "karyotype": chosen.get("karyotype"),
        "basis": chosen.get("basis"),
        "regions": [
            {"contig": row[0], "start": int(row[1]), "end": int(row[2]), "ploidy": int(row[-1])}
            for row in rows
        ],
    }
