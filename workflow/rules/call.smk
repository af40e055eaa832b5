# Reads: alignment/{sample}.cram or a finished gVCF. Writes: gvcf/{sample}.g.vcf.gz(.tbi,.json).
#
# The rules that call one piece of the genome are in engines/, one file a caller.


rule import_gvcf:
    """Take a gVCF that was made elsewhere, read to its end, and index it.

    Its header may name more contigs than the reference, or the whole of one that the reference
    holds in part (`wgs check` sees that nothing contradicts it); the copy names the reference's.
    """
    input:
        gvcf=lambda wildcards: unit_of(wildcards.sample).gvcf,
        fai="reference/genome.fa.fai",
    output:
        gvcf="gvcf/{sample}.g.vcf.gz",
        tbi="gvcf/{sample}.g.vcf.gz.tbi",
    log:
        "logs/import_gvcf/{sample}.log",
    wildcard_constraints:
        sample=any_of(samples_from("gvcf")),
    conda:
        "../envs/bcftools.yaml"
    threads: 2
    resources:
        **needs("import_gvcf"),
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.gvcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        # Through cat, which says when the disk is full: bcftools view does not.
        bcftools reheader --fai {input.fai:q} {input.gvcf:q} \
            | bcftools view --no-version --threads {threads} --output-type z \
            | cat >"$part/gvcf.gz"
        tabix --preset vcf "$part/gvcf.gz"
        mv "$part/gvcf.gz" {output.gvcf:q}
        mv "$part/gvcf.gz.tbi" {output.tbi:q}
        """


rule verify_gvcf:
    """Prove that every base with reads lies in a record of the gVCF."""
    input:
        gvcf="gvcf/{sample}.g.vcf.gz",
        depth=lambda wildcards: (
            []
            if unit_of(wildcards.sample).kind == "gvcf"
            else "qc/{sample}/mosdepth.quantized.bed.gz"
        ),
        screening=SCREENING,
        intervals="reference/regions.bed",
        # Some engines call nothing at all where a sample has no copy.
        ploidy=lambda wildcards: (
            "reference/ploidy/{sample}.bed"
            if ENGINE.at_gaps and unit_of(wildcards.sample).kind != "gvcf"
            else []
        ),
    output:
        json="gvcf/{sample}.json",
    log:
        "logs/verify_gvcf/{sample}.log",
    benchmark:
        "benchmarks/verify_gvcf/{sample}.tsv"
    conda:
        "../envs/bcftools.yaml"
    resources:
        **needs("verify_gvcf"),
    params:
        depth=lambda wildcards, input: (
            f"--depth {input.depth} --intervals {input.intervals}"
            if input.depth
            else ""
        ),
        ploidy=lambda wildcards, input: (
            f"--ploidy {input.ploidy}" if input.ploidy else ""
        ),
        proceeds=PROCEEDS,
        source=lambda wildcards: file_argument(
            "--source", unit_of(wildcards.sample).gvcf
        ),
    shell:
        """
        wgs gvcf verify {input.gvcf:q} $({params.proceeds} && echo {params.depth}) \
            {params.ploidy} {params.source} -o {output.json:q} 2>{log:q}
        """
