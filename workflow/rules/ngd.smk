# Reads: gVCFs and verdicts. Writes: the database, and a receipt of each load in ngd/.
#
# These rules run where the vault is, never on a compute node: only there is known who is who.


localrules:
    initialise_database,
    load_genome,


rule initialise_database:
    """Make the database, or see that the one there is of the same reference and rules."""
    input:
        fai="reference/genome.fa.fai",
    output:
        marker=touch("ngd/initialised"),
    log:
        "logs/initialise_database/ngd.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        root=project.config.ngd.root,
        configfile=EFFECTIVE_CONFIG,
    shell:
        """
        wgs ngd init {params.root:q} --config {params.configfile:q} --reference {input.fai:q} \
            2>{log:q}
        """


rule load_genome:
    """Load a genome that passed; of one that did not, note why.

    What was loaded of the same person, sample and assay before is replaced: more lanes were
    sequenced, or the analysis was configured anew.
    """
    input:
        gvcf="gvcf/{sample}.g.vcf.gz",
        verified="gvcf/{sample}.json",
        verdict="qc/{sample}/verdict.json",
        initialised="ngd/initialised",
        samples=ancient(project.config.samples),
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        receipt="ngd/{sample}.loaded.json",
    log:
        "logs/load_genome/{sample}.log",
    benchmark:
        "benchmarks/load_genome/{sample}.tsv"
    conda:
        "../envs/bcftools.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=60,
    params:
        root=project.config.ngd.root,
        assay=lambda wildcards: assay_arguments(wildcards.sample),
    shell:
        """
        wgs ngd load {params.root:q} --sample {wildcards.sample} --gvcf {input.gvcf:q} \
            --samples {input.samples:q} --verdict {input.verdict:q} \
            --reference {input.fasta:q} {params.assay} --replace --receipt {output.receipt:q} 2>{log:q}
        """
