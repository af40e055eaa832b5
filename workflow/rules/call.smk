# Reads: alignment/{sample}.cram or a finished gVCF. Writes: gvcf/{sample}.g.vcf.gz(.tbi,.json).
#
# The rules that call one piece of the genome are in engines/, one file a caller.


rule import_gvcf:
    """Take a gVCF that was made elsewhere, read to its end.

    Its header may name more contigs than the reference, or the whole of one that the reference
    holds in part (`wgs check` sees that nothing contradicts it); the copy names the reference's.
    """
    input:
        gvcf=lambda wildcards: unit_of(wildcards.sample).gvcf,
        fai="reference/genome.fa.fai",
    output:
        gvcf="gvcf/{sample}.g.vcf.gz",
    log:
        "logs/import_gvcf/{sample}.log",
    wildcard_constraints:
        sample=any_of(samples_from("gvcf")),
    conda:
        "../envs/bcftools.yaml"
    threads: 2
    resources:
        mem_mb=1000,
        runtime=120,
    shell:
        """
        exec 2>{log:q}
        trap 'rm -f {output.gvcf:q}.part' EXIT
        bcftools reheader --fai {input.fai:q} {input.gvcf:q} \
            | bcftools view --no-version --threads {threads} --output-type z \
                --output {output.gvcf:q}.part
        mv {output.gvcf:q}.part {output.gvcf:q}
        """


rule index_gvcf:
    """Index a gVCF."""
    input:
        gvcf="gvcf/{sample}.g.vcf.gz",
    output:
        tbi="gvcf/{sample}.g.vcf.gz.tbi",
    log:
        "logs/index_gvcf/{sample}.log",
    conda:
        "../envs/bcftools.yaml"
    resources:
        mem_mb=1000,
        runtime=60,
    shell:
        "tabix --preset vcf --force {input.gvcf:q} 2> {log:q}"


rule verify_gvcf:
    """Prove that every base with reads lies in a record of the gVCF."""
    input:
        gvcf="gvcf/{sample}.g.vcf.gz",
        depth=lambda wildcards: (
            []
            if unit_of(wildcards.sample).kind == "gvcf"
            else "qc/{sample}/mosdepth.quantized.bed.gz"
        ),
        intervals="reference/regions.bed",
    output:
        json="gvcf/{sample}.json",
    log:
        "logs/verify_gvcf/{sample}.log",
    benchmark:
        "benchmarks/verify_gvcf/{sample}.tsv"
    conda:
        "../envs/bcftools.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=60,
    params:
        depth=lambda wildcards, input: (
            f"--depth {input.depth} --intervals {input.intervals}"
            if input.depth
            else ""
        ),
    shell:
        "wgs gvcf verify {input.gvcf:q} {params.depth} -o {output.json:q} 2> {log:q}"
