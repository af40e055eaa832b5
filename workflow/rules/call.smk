# Reads: alignment/{sample}.cram or a finished gVCF. Writes: gvcf/{sample}.g.vcf.gz(.tbi,.json).
#
# The rules that call one piece of the genome are in engines/, one file a caller.


rule import_gvcf:
    """Take a gVCF that was made elsewhere, read to its end, and index it.

    Its header may name more contigs than the reference, or the whole of one that the reference
    holds in part (`wgs check` sees that nothing contradicts it); the copy names the reference's.
    Of its depth nothing is known: what it holds is taken as it is.
    """
    input:
        gvcf=lambda wildcards: unit_of(wildcards.sample).gvcf,
        fai="reference/genome.fa.fai",
    output:
        gvcf="gvcf/{sample}.g.vcf.gz",
        tbi="gvcf/{sample}.g.vcf.gz.tbi",
        json="gvcf/{sample}.json",
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
        wgs gvcf verify {output.gvcf:q} --source {input.gvcf:q} -o {output.json:q}
        """
