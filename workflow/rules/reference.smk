# Reads: the user's reference and what lies beside it. Writes: reference/, the indexes and
# intervals that are missing. Nothing is ever written beside the user's reference.


rule stage_reference:
    """Link the reference, or unpack it where it is compressed."""
    input:
        fasta=ancient(project.config.reference.fasta),
    output:
        fasta="reference/genome.fa",
    log:
        "logs/stage_reference/genome.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("stage_reference"),
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.fasta:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        if gzip --test {input.fasta:q} 2>/dev/null; then
            gzip --decompress --stdout {input.fasta:q} >"$part/fasta"
        else
            ln -s {input.fasta:q} "$part/fasta"
        fi
        mv "$part/fasta" {output.fasta:q}
        """


rule index_fasta:
    """Index the sequences of the reference."""
    input:
        fasta="reference/genome.fa",
    output:
        fai="reference/genome.fa.fai",
    log:
        "logs/index_fasta/genome.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("index_fasta"),
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.fai:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        # Through cat, which says when the disk is full: samtools faidx does not.
        samtools faidx --fai-idx /dev/stdout {input.fasta:q} | cat >"$part/fai"
        mv "$part/fai" {output.fai:q}
        """


rule scatter_intervals:
    """Split the reference into pieces of equal cost, without runs of N.

    For some engines the cuts are at runs of N only, and the pieces of roughly equal cost.
    """
    input:
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        core=expand("reference/intervals/{piece}.bed", piece=PIECES),
        padded=expand("reference/intervals/{piece}.padded.bed", piece=PIECES),
    log:
        "logs/scatter_intervals/genome.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("scatter_intervals"),
    params:
        pieces=CALLING.scatter_count,
        padding=CALLING.interval_padding,
        at_gaps="--at-gaps" if ENGINE.at_gaps else "",
        outdir=lambda wildcards, output: Path(output.core[0]).parent,
    shell:
        """
        wgs reference scatter --fasta {input.fasta:q} --fai {input.fai:q} \
            --pieces {params.pieces} --padding {params.padding} --outdir {params.outdir:q} \
            {params.at_gaps} 2>{log:q}
        """


rule list_ploidy:
    """List where a sample is not diploid that enters as a gVCF; of others its screening does.

    It was called by a ploidy that we do not choose; the database counts by the karyotype that the
    gVCF of a whole genome shows.
    """
    input:
        fai="reference/genome.fa.fai",
        gvcf=lambda wildcards: genome_gvcf(wildcards.sample),
        regions="reference/regions.bed",
    output:
        ploidy="reference/ploidy/{sample}.bed",
        header="reference/ploidy/{sample}.hdr",
        json="reference/ploidy/{sample}.json",
    log:
        "logs/list_ploidy/{sample}.log",
    wildcard_constraints:
        sample=any_of(samples_from("gvcf")),
    conda:
        "../envs/bcftools.yaml"
    resources:
        **needs("list_ploidy"),
    params:
        contigs=contig_arguments(),
        par=par_argument(),
        sex=lambda wildcards: project.samples[wildcards.sample].sex,
        evidence=lambda wildcards, input: ploidy_evidence(input),
        most_copies=most_copies_argument(),
    shell:
        """
        wgs reference ploidy --fai {input.fai:q} {params.contigs} {params.par} \
            --sample {wildcards.sample} --sex {params.sex} {params.evidence} {params.most_copies} \
            --header {output.header:q} --json {output.json:q} -o {output.ploidy:q} 2>{log:q}
        """
