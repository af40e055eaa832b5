"""FASTQ to a loaded National Genome Database.

Reads the project that --configfile names (default: config/config.yaml); writes below its
`results`, `ngd.root` and `ngd.vault`. See README.md.
"""

from snakemake.utils import min_version

min_version("9.20")


include: "workflow/rules/common.smk"


# What a run writes, logs and benchmarks included, lies below `results`.
workdir: project.config.results


include: "workflow/rules/reference.smk"
include: f"workflow/rules/aligners/{ALIGNER.rules}.smk"
include: "workflow/rules/reads.smk"
include: "workflow/rules/align.smk"
include: "workflow/rules/call.smk"
include: f"workflow/rules/engines/{project.config.calling.engine}.smk"
include: "workflow/rules/family.smk"
include: "workflow/rules/mitochondrion.smk"
include: "workflow/rules/structural.smk"
include: "workflow/rules/qc.smk"
include: "workflow/rules/ngd.smk"
include: "workflow/rules/archive.smk"
include: "workflow/rules/report.smk"


localrules:
    all,


rule all:
    """Every sample with consent, from its inputs to the database, with the reports."""
    default_target: True
    input:
        "report/run.html",
        "report/cohort.html",
        "qc/multiqc.html",
        of_all("alignment/{sample}.cram.md5", aligned_samples()),
        of_all("gvcf/{sample}.g.vcf.gz.tbi"),
        of_all("ngd/{sample}.loaded.json"),
        lambda wildcards: callsets(),
        lambda wildcards: mitochondrial_calls(project.analysed),
        lambda wildcards: structural_results(),
        lambda wildcards: family_analyses(),
        lambda wildcards: archive_copies(),
