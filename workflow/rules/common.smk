# Loads the project, constrains every wildcard, and looks up what belongs to a sample.
#
# All logic is in the package (src/wgs_pipeline); nothing is decided here.

import atexit
import functools
import gc
import json
import os
import shlex
from datetime import UTC, datetime
from pathlib import Path

from snakemake.exceptions import WorkflowError

from wgs_pipeline import aligners, readgroups
from wgs_pipeline.checks.outputs import lost_database, write_trouble
from wgs_pipeline.engines import ENGINES, failing_calls, failing_sites, missing_tools
from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import write_json
from wgs_pipeline.jobgraph import spare_repetition
from wgs_pipeline.jobusage import count_usage
from wgs_pipeline.metrics.screening import forget_stale_stops
from wgs_pipeline.patterns import any_of
from wgs_pipeline.project import Project
from wgs_pipeline.resources.requests import Requests
from wgs_pipeline.runlock import hold_run_lock
from wgs_pipeline.slurm.guard import watch

# Genomes are for the owner of the run alone, whichever tool writes them.
os.umask(0o077)

# A graph of many jobs is built of objects that stay: looking for garbage among them, again and
# again, takes a fifth of the time and frees nothing; at the end of the process another eighth. So
# it is looked for when the graph is there and a run begins.
gc.disable()
atexit.register(gc.freeze)
spare_repetition()
# What jobs compute after Snakemake's last look at them.
count_usage()

if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


CONFIGFILE = Path(workflow.configfiles[-1]).absolute()

try:
    project = Project.load(CONFIGFILE, config)
except WgsError as error:
    raise WorkflowError(f"{error}\n\nFor everything at once: wgs check {CONFIGFILE}")

# Environments hold the aligner that is preferred, whatever PATH has. What the run took, its jobs
# read in the configuration that it wrote.
DEPLOYMENT = [
    method.name.lower() for method in workflow.deployment_settings.deployment_method
]
PROVIDED = "conda" in DEPLOYMENT
decide_aligner = (
    aligners.resolve_for_run if workflow.is_main_process else aligners.resolve
)
ALIGNER = decide_aligner(
    project.config, lambda name: PROVIDED or aligners.is_installed(name)
)
ALIGNER_ENV = f"../envs/{'minibwa' if ALIGNER.name == 'minibwa' else 'bwa'}.yaml"
changed_aligner = aligners.change_notice(project.config, ALIGNER)
project = project.with_aligner(ALIGNER.name)

if workflow.is_main_process:
    if changed_aligner:
        logger.warning(changed_aligner)
    trouble = write_trouble(project.config.results)
    if trouble:
        raise WorkflowError(
            f"results {trouble}. Make it writable, or name another folder."
        )
    lost = lost_database(project.config)
    if lost:
        raise WorkflowError(str(lost))
    forget_stale_stops(project)
    # After a kill the same command just goes on; Snakemake's own lock still keeps two runs apart.
    no_other_run = hold_run_lock(project.config.results)

# The configuration as it is used, with defaults and --config: what `wgs` commands of rules read.
EFFECTIVE_CONFIG = str(project.config.results / "config.json")
OVERRIDES = json.dumps(dict(workflow.config_settings.config or {}))

# Memory, time and scratch of a rule, from the size of its input: `**needs("RULE")`.
needs = Requests(project).of

CALLING = project.config.calling
ENGINE = ENGINES[CALLING.engine]
STRUCTURAL = project.config.structural
PIECES = [f"{piece:04d}" for piece in range(CALLING.scatter_count)]


@functools.cache
def samples_from(kind):
    """Samples with consent whose input is of this kind: fastq, cram or gvcf."""
    return [name for name in project.analysed if project.units[name][0].kind == kind]


@functools.cache
def aligned_samples():
    """Samples that have an alignment, made here or elsewhere."""
    return samples_from("fastq") + samples_from("cram")


# What samples are judged by.
BOUNDS = {
    key: project.config.values["qc"][key] for key in ("thresholds", "thresholds_for")
}

# Samples that are judged before they are called.
SCREENED = frozenset(aligned_samples())

# Families of one, and families with a member that enters as a gVCF, have no joint call; except that
# some engines genotype a single sample as a family of one.
JOINT_FAMILIES = [
    family
    for family, members in project.families.items()
    if (len(members) > 1 or ENGINE.genotypes_gvcfs)
    and not set(members) & set(samples_from("gvcf"))
]


wildcard_constraints:
    sample=any_of(project.analysed),
    family=any_of(project.families),
    piece=r"\d{4,5}",
    lane=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    generation=r"\d+",
    batch=r"contigs-\d+",


def unit_of(sample):
    """The only unit of a sample that enters as a CRAM or gVCF."""
    return project.units[sample][0]


def lane_of(wildcards):
    """The unit of one lane of a sample."""
    units = project.units[wildcards.sample]
    return next(
        unit for unit in units if readgroups.read_group_id(unit) == wildcards.lane
    )


def fastqs_of(wildcards):
    """All FASTQ files of a sample."""
    return [path for unit in project.units[wildcards.sample] for path in unit.paths]


def callsets():
    """The callset of every family."""
    return expand("callset/{family}.vcf.gz.tbi", family=project.families)


def family_analyses():
    """What was asked of every family."""
    return expand("family/{family}/summary.json", family=project.families)


def pedigree_of(family):
    """Who is whose child in a family, and who is affected."""
    members = [project.samples[name] for name in project.families[family]]
    return [
        (each.sample_id, each.father_id, each.mother_id, each.sex, each.affected)
        for each in members
    ]


def structural_results():
    """Structural variants and copy number of every alignment, where they are asked for."""
    if not STRUCTURAL.enabled:
        return []
    wanted = ["structural/{sample}.vcf.gz.tbi", "copy_number/{sample}.vcf.gz.tbi"]
    return expand(wanted, sample=aligned_samples())


def truth_samples():
    """Analysed samples whose truth is known."""
    return [name for name in project.analysed if name in project.config.truth]


def mitochondrial_calls(samples):
    """Heteroplasmies of samples that have an alignment, where the mitochondrion is named."""
    if not project.config.reference.mitochondrion:
        return []
    aligned = [name for name in samples if unit_of(name).kind != "gvcf"]
    return [f"mitochondrion/{name}.vcf.gz" for name in aligned]


def archive_copies():
    """Encrypted copies of every alignment and gVCF, where there is someone to make them for."""
    if not project.config.archive.recipients:
        return []
    return [
        *expand("archive/{sample}.cram.c4gh", sample=aligned_samples()),
        *expand("archive/{sample}.g.vcf.gz.c4gh", sample=project.analysed),
    ]


def recipient_arguments():
    """The recipients of archive copies, as `wgs archive encrypt` takes them."""
    paths = project.config.archive.recipients
    return " ".join(f"--recipient {shlex.quote(str(path))}" for path in paths)


def contig_arguments():
    """Names of X, Y and the mitochondrion, where the config gives them."""
    reference = project.config.reference
    named = {
        "x": reference.x,
        "y": reference.y,
        "mitochondrion": reference.mitochondrion,
    }
    return " ".join(f"--{role} {name}" for role, name in named.items() if name)


def java_options(wildcards, resources):
    """Options of a Java virtual machine: a heap that leaves memory beside it, and few threads.

    Methods are compiled anew with all optimisations ten times later than by default: on some Mb of
    reads these compilations took a fifth of HaplotypeCaller's CPU time; on more, nothing is lost
    (docs/performance.md).
    """
    later = (
        "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
        "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000"
    )
    return f"-Xmx{int(0.8 * resources.mem_mb)}m -XX:+UseSerialGC {later}"


def ploidies_of(wildcards):
    """Where the members of a family are not diploid, a file each."""
    return expand(
        "reference/ploidy/{sample}.bed", sample=project.families[wildcards.family]
    )


def headers_of(samples):
    """Header lines that say the ploidy by which samples are called, a file each."""
    return expand("reference/ploidy/{sample}.hdr", sample=samples)


def header_arguments(headers):
    """Header lines as `wgs gvcf gather` takes them."""
    return " ".join(f"--header {shlex.quote(path)}" for path in headers)


def genome_gvcf(sample):
    """The gVCF of a whole genome that was made elsewhere, with its index."""
    unit = unit_of(sample)
    if unit.kind != "gvcf" or unit.assay != "wgs":
        return []
    return [f"gvcf/{sample}.g.vcf.gz", f"gvcf/{sample}.g.vcf.gz.tbi"]


def ploidy_evidence(files):
    """What the karyotype of a sample is inferred from."""
    if files.gvcf:
        return f"--gvcf {files.gvcf[0]} --regions {files.regions}"
    return ""


def most_copies_argument():
    """The most copies that the caller can take: `bcftools call` knows 0, 1 and 2."""
    return "--most-copies 2" if CALLING.engine == "bcftools" else ""


def assay_arguments(sample):
    """Assay and target of an analysis that was done elsewhere."""
    unit = unit_of(sample)
    target = f"--target {shlex.quote(str(unit.target_bed))}" if unit.target_bed else ""
    return f"--assay {unit.assay} {target}"


@functools.cache
def database_state():
    """The database as it is when the workflow is read: generation, and batches of contigs."""
    from wgs_pipeline.ngd.batches import read_state  # takes long, and few jobs need it

    try:
        return read_state(project.config.ngd.root)
    except WgsError as error:
        raise WorkflowError(str(error))


def contigs_argument(wildcards):
    """The contigs of a batch, as `wgs ngd compact` and `wgs ngd verify` take them."""
    contigs = database_state().batches[wildcards.batch]
    return " ".join(f"--contig {shlex.quote(contig)}" for contig in contigs)


def par_argument():
    """The pseudoautosomal regions, where the config names them."""
    par = project.config.reference.par_bed
    return f"--par-bed {shlex.quote(str(par))}" if par else ""


def overrides_of(sample):
    """Findings of a sample that were signed off, as text."""
    mine = [each for each in project.overrides if each.sample_id == sample]
    return "; ".join(str(each) for each in mine)


def compared_family(sample):
    """Fingerprints of the rest of a family, where they are waited for."""
    if not project.config.qc.identity.wait_for_family:
        return []
    members = project.families[project.samples[sample].family_id]
    return expand(
        "qc/{sample}/fingerprint.npz", sample=[m for m in members if m != sample]
    )


def file_argument(option, path):
    """An option with a file that the config may name."""
    return f"{option} {shlex.quote(str(path))}" if path else ""


def screening_of(samples):
    """What says whether samples go on to calling."""
    return [f"qc/{name}/proceeds.txt" for name in samples if name in SCREENED]


def proceeding(samples):
    """A command that lists those samples that go on to calling, in their order."""
    files = set(screening_of(samples))
    screened = [f"qc/{name}/proceeds.txt" in files for name in samples]
    lines = [
        f"cat qc/{name}/proceeds.txt" if is_screened else f"echo {name}"
        for name, is_screened in zip(samples, screened)
    ]
    return f"{{ {'; '.join(lines)}; }}"


def proceeds(samples):
    """A test whether any of the samples goes on to calling."""
    return f'[[ -n "$({proceeding(samples)})" ]]'


# The same of one sample, for its rules. Text where it is one text for every sample: Snakemake would
# call a function, and look up what arguments it takes, for every job.
if SCREENED.issuperset(project.analysed):
    LANES = "qc/{sample}/lanes.json"
    SCREENING = "qc/{sample}/proceeds.txt"
    PROCEEDS = "[[ -s qc/{sample}/proceeds.txt ]]"
else:

    def LANES(wildcards):
        screened = wildcards.sample in SCREENED
        return f"qc/{wildcards.sample}/lanes.json" if screened else []

    def SCREENING(wildcards):
        return screening_of([wildcards.sample])

    def PROCEEDS(wildcards):
        screened = wildcards.sample in SCREENED
        return f"[[ -s qc/{wildcards.sample}/proceeds.txt ]]" if screened else "true"


def fastp_reports(sample):
    """fastp's report of each lane of a sample."""
    units = [unit for unit in project.units[sample] if unit.kind == "fastq"]
    return [
        f"qc/{sample}/{readgroups.read_group_id(unit)}.fastp.json" for unit in units
    ]


def metric_sources(wildcards):
    """What ``wgs qc metrics`` can measure, by how the sample enters."""
    sample, kind = wildcards.sample, unit_of(wildcards.sample).kind
    sources = [f"--fastp {path}" for path in fastp_reports(sample)]
    if kind == "fastq":
        sources.append(f"--reads-json qc/{sample}/reads.json")
    if kind != "gvcf":
        sources.append(f"--samtools-stats qc/{sample}/samtools_stats.txt")
        sources.append(f"--alignment-tally qc/{sample}/alignment_tally.json")
    else:
        sources.append(f"--ploidy reference/ploidy/{sample}.json")
    return " ".join(sources)


def alignment_measures(wildcards):
    """What is measured before calling; of a gVCF the sex chromosomes."""
    if unit_of(wildcards.sample).kind == "gvcf":
        return [f"reference/ploidy/{wildcards.sample}.json"]
    names = ("samtools_stats.txt", "alignment_tally.json")
    return [f"qc/{wildcards.sample}/{name}" for name in names]


def multiqc_inputs():
    """The tools' reports that MultiQC reads."""
    aligned = aligned_samples()
    return [
        *(path for sample in project.analysed for path in fastp_reports(sample)),
        *expand("qc/{sample}/samtools_stats.txt", sample=aligned),
        *expand("qc/{sample}/mosdepth.mosdepth.summary.txt", sample=aligned),
        *expand("qc/{sample}/mosdepth.mosdepth.global.dist.txt", sample=aligned),
        *expand("qc/{sample}/bcftools_stats.txt", sample=project.analysed),
    ]


def of_all(pattern, samples=None):
    """An input function: a file of every sample. It is called where the rule has a job, which a
    node that runs one of another rule spares itself.
    """
    return lambda wildcards: expand(
        pattern, sample=project.analysed if samples is None else samples
    )


onstart:
    gc.set_threshold(100_000, 20, 50)
    gc.enable()
    # Before any job: the caller, the end of what a killed run left, every input of the run.
    lacking = missing_tools(CALLING.engine)
    if (
        lacking
        and aligned_samples()
        and not workflow.deployment_settings.deployment_method
    ):
        raise WorkflowError(
            f"calling.engine {CALLING.engine} needs {', '.join(lacking)}, not found on PATH. "
            f"{ENGINE.remedy}, or run with --sdm {ENGINE.deployment}."
        )
    if no_other_run:
        shell("wgs cluster recover {project.config.results:q}")
        watch(project.config.results, project.config.cluster)
    shell("wgs check {CONFIGFILE:q} --config-json {OVERRIDES:q}")
    write_json(Path(EFFECTIVE_CONFIG), project.config.values)
    # Takes long to load, and no job needs it.
    from wgs_pipeline.provenance.runs import record_run

    record_run(project, DEPLOYMENT, datetime.now(UTC))
