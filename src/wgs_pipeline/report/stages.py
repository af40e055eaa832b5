"""Which rules of the workflow make which stage of a sample, and what each leaves behind.

The paths are those of ``workflow/rules``; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wgs_pipeline.aligners import resolve
from wgs_pipeline.engines import ENGINES
from wgs_pipeline.project import Project
from wgs_pipeline.readgroups import read_group_id

#: Stages of a sample in the order of the workflow: identity and title.
STAGES: dict[str, str] = {
    "reads": "Reads",
    "alignment": "Alignment",
    "gvcf": "gVCF",
    "callset": "Callset",
    "structural": "Structural",
    "qc": "QC",
    "verdict": "Verdict",
    "database": "Database",
}


@dataclass(frozen=True)
class Step:
    """One job of the workflow.

    Attributes:
        rule: Its rule.
        key: Name of its log and benchmark: the wildcards, joined by dots.
        outputs: What it writes, relative to the results folder.
        replaced_by: Where its outputs are temporary, or serve one file alone: what is made of
            them.
    """

    rule: str
    key: str
    outputs: tuple[str, ...]
    replaced_by: str = ""

    @property
    def log(self) -> str:
        """Its log, relative to the results folder."""
        return f"logs/{self.rule}/{self.key}.log"


@dataclass(frozen=True)
class Stage:
    """One stage of one sample: its jobs in order, and what stands when it is done."""

    id: str
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]

    @property
    def applies(self) -> bool:
        """Whether the sample goes through this stage at all."""
        return bool(self.outputs)


def sample_stages(project: Project, sample: str) -> tuple[Stage, ...]:
    """The stages of one analysed sample.

    A stage that does not apply to it, by how it enters, has neither steps nor outputs.
    """
    verdict = f"qc/{sample}/verdict.json"
    steps = {
        "reads": _reads(project, sample),
        "alignment": _alignment(project, sample),
        "gvcf": _gvcf(project, sample),
        "callset": tuple(_callset(project, project.samples[sample].family_id)),
        "structural": tuple(_structural(project, sample)),
        "qc": tuple(_qc(project, sample)),
        "verdict": (Step("judge_sample", sample, (verdict, f"qc/{sample}/identity.json")),),
        "database": (
            Step("register_genome", sample, (f"ngd/{sample}.registration.json",)),
            Step("load_genome", sample, (f"ngd/{sample}.loaded.json",)),
        ),
    }
    return tuple(Stage(name, steps[name], _lasting(steps[name])) for name in STAGES)


def preparing_steps(project: Project) -> tuple[Step, ...]:
    """Jobs that every sample, or one, waits for."""
    pieces = [f"reference/intervals/{piece}.bed" for piece in _pieces(project)]
    aligner = resolve(project.config)
    return (
        Step("stage_reference", "genome", ("reference/genome.fa",)),
        Step("index_fasta", "genome", ("reference/genome.fa.fai",)),
        Step(aligner.index_rule, "genome", aligner.index_files),
        Step("scatter_intervals", "genome", tuple(pieces)),
        Step("list_regions", "genome", ("reference/regions.bed", "reference/autosomes.bed")),
        *_exclusions(project),
        *(
            Step(rule, "genome", (path,))
            for rule, path in ENGINES[project.config.calling.engine].reference_steps
        ),
        Step("initialise_database", "ngd", ("ngd/initialised",)),
        *(
            Step("list_ploidy", sample, (f"reference/ploidy/{sample}.bed",))
            for sample in project.analysed
            if _kind(project, sample) == "gvcf"
        ),
    )


def cohort_steps() -> tuple[Step, ...]:
    """Jobs that put all samples together."""
    return (
        Step("tabulate_cohort", "cohort", ("qc/samples.tsv",)),
        Step("run_multiqc", "cohort", ("qc/multiqc.html",)),
        Step("write_cohort_report", "cohort", ("report/cohort.html",)),
    )


def _kind(project: Project, sample: str) -> str:
    return project.units[sample][0].kind


def _pieces(project: Project) -> list[str]:
    return [f"{piece:04d}" for piece in range(project.config.calling.scatter_count)]


def _lasting(steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(path for step in steps if not step.replaced_by for path in step.outputs)


def _reads(project: Project, sample: str) -> tuple[Step, ...]:
    lanes = [read_group_id(unit) for unit in project.units[sample] if unit.kind == "fastq"]
    return tuple(
        Step("screen_lane", f"{sample}.{lane}", (f"qc/{sample}/{lane}.fastp.json",))
        for lane in lanes
    )


def _alignment(project: Project, sample: str) -> tuple[Step, ...]:
    kind = _kind(project, sample)
    if kind == "gvcf":
        return ()
    rule = "align" if kind == "fastq" else "import_cram"
    cram = f"alignment/{sample}.cram"
    return (
        Step(rule, sample, (cram, f"{cram}.crai")),
        Step("verify_alignment", sample, (f"alignment/{sample}.json", f"{cram}.md5")),
    )


def _gvcf(project: Project, sample: str) -> tuple[Step, ...]:
    gvcf = f"gvcf/{sample}.g.vcf.gz"
    return (
        *_gvcf_source(project, sample, (gvcf, f"{gvcf}.tbi", f"gvcf/{sample}.json")),
        *_mitochondrion(project, sample),
    )


def _mitochondrion(project: Project, sample: str) -> Iterator[Step]:
    """Heteroplasmies, called beside the gVCF."""
    if _kind(project, sample) != "gvcf" and project.config.reference.mitochondrion:
        vcf = f"mitochondrion/{sample}.vcf.gz"
        yield Step("call_mitochondrion", sample, (vcf, f"{vcf}.tbi"))


def _gvcf_source(project: Project, sample: str, outputs: tuple[str, ...]) -> Iterator[Step]:
    if _kind(project, sample) == "gvcf":
        yield Step("import_gvcf", sample, outputs)
        return
    engine = ENGINES[project.config.calling.engine]
    for piece in _pieces(project):
        path = f"gvcf/pieces/{sample}/{piece}.{engine.piece_suffix}.gz"
        yield Step(engine.piece_rule, f"{sample}.{piece}", (path,), replaced_by=outputs[0])
    yield Step("gather_gvcf", sample, outputs)


def _callset(project: Project, family: str) -> Iterator[Step]:
    """A joint call of several alignments, or the members' own calls; as ``family.smk`` has it."""
    members = project.families[family]
    callset = f"callset/{family}.vcf.gz"
    engine = ENGINES[project.config.calling.engine]
    joint = len(members) > 1 or engine.genotypes_gvcfs
    if joint and all(_kind(project, member) != "gvcf" for member in members):
        for rule, suffix in engine.family_rules:
            for piece in _pieces(project):
                path = f"callset/pieces/{family}/{piece}.{suffix}"
                yield Step(rule, f"{family}.{piece}", (path,), replaced_by=callset)
        yield Step("gather_callset", family, (callset, f"{callset}.tbi"))
    else:
        yield Step("merge_callset", family, (callset, f"{callset}.tbi"))
    made = ("mendelian", "de_novo", "inheritance", "upd", "roh", "roh_runs")
    tables = [f"family/{family}/{name}.tsv" for name in made]
    yield Step("analyse_family", family, (*tables, f"family/{family}/summary.json"))


def _exclusions(project: Project) -> Iterator[Step]:
    aligned = any(_kind(project, sample) != "gvcf" for sample in project.analysed)
    if aligned and project.config.structural.enabled:
        yield Step("exclude_regions", "genome", ("reference/structural.exclude.bed",))


def _structural(project: Project, sample: str) -> Iterator[Step]:
    if _kind(project, sample) != "gvcf" and project.config.structural.enabled:
        vcf = f"structural/{sample}.vcf.gz"
        yield Step("call_structural", sample, (vcf, f"{vcf}.tbi"))
        yield Step(
            "call_copy_number",
            sample,
            tuple(f"copy_number/{sample}.{end}" for end in ("tsv", "vcf.gz")),
        )


def _qc(project: Project, sample: str) -> Iterator[Step]:
    folder = f"qc/{sample}"
    if _kind(project, sample) != "gvcf":
        yield Step("measure_depth", sample, (f"{folder}/mosdepth.quantized.bed.gz",))
        yield Step("count_reads", sample, (f"{folder}/samtools_stats.txt",))
        screened = (
            *(f"{folder}/screening.json", f"{folder}/lanes.json"),
            f"reference/ploidy/{sample}.bed",
        )
        yield Step("screen_alignment", sample, screened, replaced_by=f"{folder}/metrics.json")
    measured = ("metrics.json", "bcftools_stats.txt", "charr.json", "fingerprint.npz")
    yield Step("measure_sample", sample, tuple(f"{folder}/{name}" for name in measured))
    if sample in project.config.truth:
        yield Step("compare_with_truth", sample, (f"{folder}/concordance.json",))
