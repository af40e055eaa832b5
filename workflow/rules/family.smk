# Reads: alignments or gVCFs of a family. Writes: callset/{family}.vcf.gz(.tbi), family/{family}/.
#
# Families are called together from their alignments: on the CEU trio that leaves 3 of 81 sites
# that break Mendel's laws, against 5 of 77 when the members' gVCFs are merged (docs/accuracy.md).


rule gather_callset:
    """Join and index the pieces of a family's joint call."""
    input:
        pieces=expand("callset/pieces/{{family}}/{piece}.vcf.gz", piece=PIECES),
        screening=lambda wildcards: screening_of(project.families[wildcards.family]),
        headers=lambda wildcards: headers_of(project.families[wildcards.family]),
        fai="reference/genome.fa.fai",
    output:
        vcf="callset/{family}.vcf.gz",
        tbi="callset/{family}.vcf.gz.tbi",
    log:
        "logs/gather_callset/{family}.log",
    wildcard_constraints:
        family=any_of(JOINT_FAMILIES),
    conda:
        "../envs/bcftools.yaml"
    threads: 2
    resources:
        **needs("gather_callset"),
    params:
        headers=lambda wildcards, input: header_arguments(input.headers),
        proceeds=lambda wildcards: proceeds(project.families[wildcards.family]),
    shell:
        """
        exec 2>{log:q}
        if ! {params.proceeds}; then
            wgs gvcf empty --fai {input.fai:q} -o {output.vcf:q}
            tabix --preset vcf --force {output.vcf:q}
            exit 0
        fi
        part=$(mktemp --directory {output.vcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        wgs gvcf gather {input.pieces:q} {params.headers} --threads {threads} -o "$part/vcf.gz"
        tabix --preset vcf "$part/vcf.gz"
        mv "$part/vcf.gz" {output.vcf:q}
        mv "$part/vcf.gz.tbi" {output.tbi:q}
        """


rule merge_callset:
    """Take and index the variants of a single sample, or merge the gVCFs of a family."""
    input:
        gvcfs=lambda wildcards: expand(
            "gvcf/{sample}.g.vcf.gz", sample=project.families[wildcards.family]
        ),
        tbis=lambda wildcards: expand(
            "gvcf/{sample}.g.vcf.gz.tbi", sample=project.families[wildcards.family]
        ),
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        vcf="callset/{family}.vcf.gz",
        tbi="callset/{family}.vcf.gz.tbi",
    log:
        "logs/merge_callset/{family}.log",
    wildcard_constraints:
        family=any_of(set(project.families) - set(JOINT_FAMILIES)),
    conda:
        "../envs/bcftools.yaml"
    threads: 2
    resources:
        **needs("merge_callset"),
    params:
        # bcftools merge refuses a single file.
        source=lambda wildcards, input: (
            f"bcftools merge --gvcf {input.fasta} --merge both --output-type u"
            if len(input.gvcfs) > 1
            else "bcftools view --output-type u"
        ),
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.vcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        # Through cat, which says when the disk is full: bcftools view does not.
        {params.source} {input.gvcfs:q} \
            | bcftools view --include 'GT="alt"' --threads {threads} --output-type z \
            | cat >"$part/vcf.gz"
        tabix --preset vcf "$part/vcf.gz"
        mv "$part/vcf.gz" {output.vcf:q}
        mv "$part/vcf.gz.tbi" {output.tbi:q}
        """


rule analyse_family:
    """Ask of a family: Mendelian errors, de novo, inheritance, homozygosity, disomy."""
    input:
        vcf="callset/{family}.vcf.gz",
        tbi="callset/{family}.vcf.gz.tbi",
        fai="reference/genome.fa.fai",
    output:
        mendelian="family/{family}/mendelian.tsv",
        de_novo="family/{family}/de_novo.tsv",
        inheritance="family/{family}/inheritance.tsv",
        upd="family/{family}/upd.tsv",
        roh="family/{family}/roh.tsv",
        runs="family/{family}/roh_runs.tsv",
        summary="family/{family}/summary.json",
    log:
        "logs/analyse_family/{family}.log",
    benchmark:
        "benchmarks/analyse_family/{family}.tsv"
    conda:
        "../envs/bcftools.yaml"
    resources:
        **needs("analyse_family"),
    params:
        configfile=EFFECTIVE_CONFIG,
        folder=subpath(output.summary, parent=True),
        # Rerun where they change; the command reads them from the configuration.
        rules=project.config.values["family"],
        pedigree=lambda wildcards: pedigree_of(wildcards.family),
    shell:
        """
        wgs family analyse {input.vcf:q} --family {wildcards.family} \
            --config {params.configfile:q} --reference-fai {input.fai:q} -o {params.folder:q} \
            2>{log:q}
        """
