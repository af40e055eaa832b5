# Reads: FASTQ lanes or a finished CRAM. Writes: alignment/{sample}.cram(.crai,.md5,.json).


rule align:
    """Align all lanes of a sample in one stream: sorted, duplicates marked, as CRAM.

    Nothing but the sort's spill touches the disk on the way. Duplicates are marked within a
    library: each read carries its library (LB) as a tag, by which samtools keeps them apart.
    """
    input:
        fastqs=fastqs_of,
        index=ALIGNER.index_files,
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        tally="qc/{sample}/reads.json",
        duplicates="qc/{sample}/markdup.txt",
    log:
        "logs/align/{sample}.log",
    benchmark:
        "benchmarks/align/{sample}.tsv"
    wildcard_constraints:
        sample=any_of(samples_from("fastq")),
    conda:
        ALIGNER_ENV
    threads: 16
    resources:
        **needs("align"),
    params:
        lanes=lambda wildcards: readgroups.stream_arguments(
            project.units[wildcards.sample]
        ),
        read_groups=lambda wildcards: readgroups.header_arguments(
            project.units[wildcards.sample], project.config.aligner.platform
        ),
        aligner=ALIGNER.command,
        prefix=lambda wildcards, input: Path(input.index[0]).with_suffix(""),
        optical_distance=project.config.aligner.optical_distance,
        # Bases in a batch: fixed, so that the result does not depend on the number of threads.
        batch=100_000_000,
    shell:
        """
        exec 2>{log:q}
        spill=$(mktemp --directory --tmpdir={resources.tmpdir:q} align.XXXXXX)
        part=$(mktemp --directory {output.cram:q}.XXXXXX.part)
        # The log ends with the space that was left: samtools does not say when a disk is full.
        trap 'df --output=avail,target "$spill" alignment >&2 || true
            rm -rf "$spill" "$part"' EXIT
        wgs reads stream {params.lanes} --tally "$part/reads.json" \
            | {params.aligner} -t {threads} -K {params.batch} {params.read_groups} \
                {params.prefix:q} /dev/stdin \
            | samtools fixmate -u -m - - \
            | samtools sort --no-PG -u -@ {threads} -T "$spill/sort" - \
            | samtools markdup --no-PG -u -T "$spill/markdup" --barcode-tag LB \
                -d {params.optical_distance} -f "$part/markdup.txt" - - \
            | samtools view --no-PG --cram --threads {threads} --reference {input.fasta:q} \
                --write-index --output "$part/cram##idx##$part/crai" -
        mv "$part/reads.json" {output.tally:q}
        mv "$part/markdup.txt" {output.duplicates:q}
        mv "$part/crai" {output.crai:q}
        mv "$part/cram" {output.cram:q}
        """


rule import_cram:
    """Link and index a CRAM that was made elsewhere."""
    input:
        cram=lambda wildcards: unit_of(wildcards.sample).cram,
    output:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
    log:
        "logs/import_cram/{sample}.log",
    wildcard_constraints:
        sample=any_of(samples_from("cram")),
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("import_cram"),
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.cram:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        ln -s {input.cram:q} "$part/cram"
        samtools index -o "$part/crai" {input.cram:q}
        mv "$part/crai" {output.crai:q}
        mv "$part/cram" {output.cram:q}
        """


rule verify_alignment:
    """Prove that the CRAM holds every read that went in, and write its MD5."""
    input:
        cram="alignment/{sample}.cram",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        tally=lambda wildcards: (
            "qc/{sample}/reads.json"
            if unit_of(wildcards.sample).kind == "fastq"
            else []
        ),
    output:
        json="alignment/{sample}.json",
        md5="alignment/{sample}.cram.md5",
    log:
        "logs/verify_alignment/{sample}.log",
    benchmark:
        "benchmarks/verify_alignment/{sample}.tsv"
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("verify_alignment"),
    params:
        tally=lambda wildcards, input: f"--tally {input.tally}" if input.tally else "",
    shell:
        """
        wgs alignment verify {input.cram:q} --sample {wildcards.sample} --fasta {input.fasta:q} \
            {params.tally} --md5 {output.md5:q} -o {output.json:q} 2>{log:q}
        """
