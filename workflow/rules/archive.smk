# Archive: alignments and gVCFs that are proved whole. Writes: Crypt4GH copies below archive/, for
# the recipients of `archive.recipients`; nothing where there are none.


rule archive_alignment:
    """Encrypt a sample's alignment for the recipients."""
    input:
        cram="alignment/{sample}.cram",
        md5="alignment/{sample}.cram.md5",
        recipients=project.config.archive.recipients,
    output:
        encrypted="archive/{sample}.cram.c4gh",
    log:
        "logs/archive_alignment/{sample}.log",
    benchmark:
        "benchmarks/archive_alignment/{sample}.tsv"
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("archive_alignment"),
    params:
        recipients=recipient_arguments(),
    shell:
        """
        wgs archive encrypt {input.cram:q} -o {output.encrypted:q} {params.recipients} 2>{log:q}
        """


rule archive_gvcf:
    """Encrypt a sample's gVCF for the recipients."""
    input:
        gvcf="gvcf/{sample}.g.vcf.gz",
        recipients=project.config.archive.recipients,
    output:
        encrypted="archive/{sample}.g.vcf.gz.c4gh",
    log:
        "logs/archive_gvcf/{sample}.log",
    benchmark:
        "benchmarks/archive_gvcf/{sample}.tsv"
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("archive_gvcf"),
    params:
        recipients=recipient_arguments(),
    shell:
        """
        wgs archive encrypt {input.gvcf:q} -o {output.encrypted:q} {params.recipients} 2>{log:q}
        """
