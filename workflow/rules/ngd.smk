# Reads: gVCFs and verdicts. Writes: the database, and a receipt of each load in ngd/.
#
# Shards, bins and counts are built on any node. What gives a genome its slot, decides by consent
# or publishes runs where the vault is (local rules): only there is known who is who.


localrules:
    initialise_database,
    load_genome,
    compact_database,
    plan_compaction,
    publish_compaction,
    release_database,
    verify_database,
    plan_verification,
    verify_registry,


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
        **needs("initialise_database"),
    params:
        root=project.config.ngd.root,
        configfile=EFFECTIVE_CONFIG,
    shell:
        """
        wgs ngd init {params.root:q} --config {params.configfile:q} --reference {input.fai:q} \
            2>{log:q}
        """


rule register_genome:
    """Write the shard of a genome that passed, and leave it registered; of one that did not
    pass, note why.
    """
    input:
        gvcf="gvcf/{sample}.g.vcf.gz",
        verdict="qc/{sample}/verdict.json",
        ploidy="reference/ploidy/{sample}.json",
        initialised="ngd/initialised",
        samples=ancient(project.config.samples),
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        registration="ngd/{sample}.registration.json",
    log:
        "logs/register_genome/{sample}.log",
    benchmark:
        "benchmarks/register_genome/{sample}.tsv"
    conda:
        "../envs/bcftools.yaml"
    resources:
        **needs("register_genome"),
    params:
        root=project.config.ngd.root,
        assay=lambda wildcards: assay_arguments(wildcards.sample),
    shell:
        """
        wgs ngd load {params.root:q} --sample {wildcards.sample} --gvcf {input.gvcf:q} \
            --samples {input.samples:q} --verdict {input.verdict:q} \
            --ploidy {input.ploidy:q} \
            --reference {input.fasta:q} {params.assay} --replace \
            --registration {output.registration:q} 2>{log:q}
        """


rule load_genome:
    """Give a registered genome its slot, together with all others that wait.

    What was loaded of the same person, sample and assay before is replaced: more lanes were
    sequenced, or the analysis was configured anew.
    """
    input:
        registration="ngd/{sample}.registration.json",
    output:
        receipt="ngd/{sample}.loaded.json",
    log:
        "logs/load_genome/{sample}.log",
    benchmark:
        "benchmarks/load_genome/{sample}.tsv"
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("load_genome"),
    params:
        root=project.config.ngd.root,
    shell:
        """
        wgs ngd commit {params.root:q} --registration {input.registration:q} \
            --receipt {output.receipt:q} 2>{log:q}
        """


rule compact_database:
    """Target of every night: merge what was loaded, move planes by consent."""
    input:
        lambda wildcards: f"ngd/compaction/{database_state().number}/published",


rule plan_compaction:
    """Freeze what a compaction has to do. A plan that was overtaken is made anew with
    `--forcerun plan_compaction`.
    """
    input:
        consents=project.config.consents,
    output:
        plan="ngd/compaction/{generation}/plan.json",
    log:
        "logs/plan_compaction/{generation}.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("plan_compaction"),
    params:
        root=project.config.ngd.root,
    shell:
        "wgs ngd compact {params.root:q} --plan {output.plan:q} 2>{log:q}"


rule build_contigs:
    """Build the bins and counts of a batch of contigs."""
    input:
        plan="ngd/compaction/{generation}/plan.json",
    output:
        part="ngd/compaction/{generation}/{batch}.json",
    log:
        "logs/build_contigs/{generation}.{batch}.log",
    benchmark:
        "benchmarks/build_contigs/{generation}.{batch}.tsv"
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("build_contigs"),
    params:
        root=project.config.ngd.root,
        contigs=contigs_argument,
    shell:
        """
        wgs ngd compact {params.root:q} --plan {input.plan:q} {params.contigs} \
            --part {output.part:q} 2>{log:q}
        """


rule publish_compaction:
    """Make what was built current, and drop what no one needs."""
    input:
        plan="ngd/compaction/{generation}/plan.json",
        parts=lambda wildcards: [
            f"ngd/compaction/{wildcards.generation}/{batch}.json"
            for batch in database_state().batches
        ],
    output:
        marker=touch("ngd/compaction/{generation}/published"),
    log:
        "logs/publish_compaction/{generation}.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("publish_compaction"),
    params:
        root=project.config.ngd.root,
    shell:
        """
        wgs ngd compact {params.root:q} --plan {input.plan:q} --publish {input.parts:q} 2>{log:q}
        """


rule release_database:
    """Target: compact, then publish what research is answered from until the next release.

    It fails, and the release before stays in force, while fewer than five persons have come.
    """
    input:
        compacted=lambda wildcards: f"ngd/compaction/{database_state().number}/published",
    log:
        "logs/release_database/ngd.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("release_database"),
    params:
        root=project.config.ngd.root,
    shell:
        "wgs ngd release {params.root:q} 2>{log:q}"


rule verify_database:
    """Target: every file of the database, and its index and counts against a rebuild."""
    input:
        lambda wildcards: [
            f"ngd/verified/{database_state().number}/{each}"
            for each in ("registry", *database_state().batches)
        ],


rule plan_verification:
    """Lend the jobs that verify the keys of the shards that they rebuild from. A plan that has
    ended is made anew with `--forcerun plan_verification`.
    """
    output:
        plan="ngd/verified/{generation}/plan.json",
    log:
        "logs/plan_verification/{generation}.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("plan_verification"),
    params:
        root=project.config.ngd.root,
    shell:
        "wgs ngd verify {params.root:q} --plan {output.plan:q} 2>{log:q}"


rule verify_contigs:
    """Compare the bins and counts of a batch of contigs with a rebuild from the shards."""
    input:
        plan="ngd/verified/{generation}/plan.json",
    output:
        marker=touch("ngd/verified/{generation}/{batch}"),
    log:
        "logs/verify_contigs/{generation}.{batch}.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("verify_contigs"),
    params:
        root=project.config.ngd.root,
        contigs=contigs_argument,
    shell:
        "wgs ngd verify {params.root:q} --plan {input.plan:q} {params.contigs} 2>{log:q}"


rule verify_registry:
    """Every hash, the registry against the vault, and the access log; the plan ends."""
    input:
        plan="ngd/verified/{generation}/plan.json",
        contigs=lambda wildcards: [
            f"ngd/verified/{wildcards.generation}/{batch}"
            for batch in database_state().batches
        ],
    output:
        marker=touch("ngd/verified/{generation}/registry"),
    log:
        "logs/verify_registry/{generation}.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("verify_registry"),
    params:
        root=project.config.ngd.root,
    shell:
        """
        wgs ngd verify {params.root:q} --plan {input.plan:q} --hashes-only --finish 2>{log:q}
        wgs audit verify {params.root:q} 2>>{log:q}
        """
