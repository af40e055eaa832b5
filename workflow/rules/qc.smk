# Reads: alignments, gVCFs, callsets. Writes: qc/. docs/qc.md says how each metric is counted.


# Where the vault is: only there is known whose genomes the database holds.
localrules:
    judge_sample,


rule list_regions:
    """List the intervals without N over which coverage is measured."""
    input:
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        regions="reference/regions.bed",
        autosomes="reference/autosomes.bed",
    log:
        "logs/list_regions/genome.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("list_regions"),
    params:
        contigs=contig_arguments(),
        par=par_argument(),
    shell:
        """
        wgs qc regions --reference {input.fasta:q} {params.contigs} {params.par} \
            --autosomes {output.autosomes:q} -o {output.regions:q} 2>{log:q}
        """


rule measure_depth:
    """Measure bands of depth for the gVCF, and the depth at the last base of each contig.

    Bands of mosdepth do not look at the last base of a contig, its regions do. They are not kept
    in the summary, of which MultiQC would show them.
    """
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        verified="alignment/{sample}.json",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        bands="qc/{sample}/mosdepth.quantized.bed.gz",
        last_bases="qc/{sample}/mosdepth.regions.bed.gz",
        distribution="qc/{sample}/mosdepth.mosdepth.global.dist.txt",
        summary="qc/{sample}/mosdepth.mosdepth.summary.txt",
    log:
        "logs/measure_depth/{sample}.log",
    benchmark:
        "benchmarks/measure_depth/{sample}.tsv"
    conda:
        "../envs/mosdepth.yaml"
    threads: 2
    resources:
        **needs("measure_depth"),
    params:
        min_mapping_quality=CALLING.min_mapping_quality,
        prefix="qc/{sample}/mosdepth",
        folder="qc/{sample}",
        bands=":".join(map(str, sorted({0, 1, *CALLING.depth_bands}))),
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {params.prefix:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        awk '$2 > 0 {{print $1 "\\t" $2 - 1 "\\t" $2}}' {input.fai:q} >"$part/last.bed"
        mosdepth --no-per-base --threads {threads} --by "$part/last.bed" \
            --fasta {input.fasta:q} --mapq {params.min_mapping_quality} \
            --quantize {params.bands}: "$part/mosdepth" {input.cram:q}
        rm "$part/mosdepth.mosdepth.region.dist.txt"
        awk 'NR == FNR {{region[$1 "_region"]; next}}
            $1 != "total_region" && !($1 in region && $2 <= 1)' \
            {input.fai:q} "$part/mosdepth.mosdepth.summary.txt" >"$part/summary"
        mv "$part/summary" "$part/mosdepth.mosdepth.summary.txt"
        mv "$part"/mosdepth.* {params.folder:q}
        """


rule count_reads:
    """Count reads, pairs, depth, GC and duplicates of an alignment in one pass."""
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        verified="alignment/{sample}.json",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        regions="reference/regions.bed",
        panel=project.config.qc.panel or [],
        sites=project.config.qc.contamination_sites or [],
    output:
        tally="qc/{sample}/alignment_tally.json",
        stats="qc/{sample}/samtools_stats.txt",
    log:
        "logs/count_reads/{sample}.log",
    benchmark:
        "benchmarks/count_reads/{sample}.tsv"
    conda:
        "../envs/samtools.yaml"
    threads: 2
    resources:
        **needs("count_reads"),
    params:
        contigs=contig_arguments(),
        par=par_argument(),
        panel=file_argument("--panel", project.config.qc.panel),
        sites=file_argument("--sites", project.config.qc.contamination_sites),
    shell:
        """
        wgs qc alignment {input.cram:q} --reference {input.fasta:q} --regions {input.regions:q} \
            {params.panel} {params.sites} {params.par} {params.contigs} --threads {threads} \
            --samtools-stats {output.stats:q} -o {output.tally:q} 2>{log:q}
        """


rule screen_alignment:
    """Judge an alignment, so that one that is certain to fail is not called; and list where it is
    not diploid.

    Its lanes are compared with one another: are their reads of one person? Its ploidy is by the
    karyotype that its reads show, of each sample by itself: a relative who joins or leaves the
    family must not have its gVCF called again.
    """
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        tally="qc/{sample}/alignment_tally.json",
        stats="qc/{sample}/samtools_stats.txt",
        reads=lambda wildcards: fastp_reports(wildcards.sample),
        sites=project.config.qc.identity.sites or [],
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        lanes="qc/{sample}/lanes.json",
        metrics="qc/{sample}/alignment_metrics.json",
        json="qc/{sample}/screening.json",
        proceeds="qc/{sample}/proceeds.txt",
        ploidy="reference/ploidy/{sample}.bed",
        header="reference/ploidy/{sample}.hdr",
        copies="reference/ploidy/{sample}.json",
    log:
        "logs/screen_alignment/{sample}.log",
    benchmark:
        "benchmarks/screen_alignment/{sample}.tsv"
    wildcard_constraints:
        sample=any_of(aligned_samples()),
    conda:
        "../envs/bcftools.yaml"
    resources:
        **needs("screen_alignment"),
    params:
        sources=metric_sources,
        sex=lambda wildcards: project.samples[wildcards.sample].sex,
        configfile=EFFECTIVE_CONFIG,
        material=lambda wildcards: project.samples[wildcards.sample].material,
        contigs=contig_arguments(),
        par=par_argument(),
        most_copies=most_copies_argument(),
    shell:
        """
        exec 2>{log:q}
        wgs reference ploidy --fai {input.fai:q} {params.contigs} {params.par} \
            --sample {wildcards.sample} --sex {params.sex} --alignment-tally {input.tally:q} \
            {params.most_copies} --header {output.header:q} --json {output.copies:q} \
            -o {output.ploidy:q}
        wgs qc lanes --sample {wildcards.sample} --cram {input.cram:q} --reference {input.fasta:q} \
            --config {params.configfile:q} -o {output.lanes:q}
        wgs qc metrics --sample {wildcards.sample} --sex {params.sex} {params.sources} \
            -o {output.metrics:q}
        wgs qc verdict --metrics {output.metrics:q} --config {params.configfile:q} \
            --material {params.material} --identity {output.lanes:q} \
            --proceeds {output.proceeds:q} -o {output.json:q}
        """


rule measure_sample:
    """Count a sample's variants, estimate its contamination (CHARR), derive its metrics, and take
    what is compared with other genomes.

    Of its own gVCF: a relative whose sample failed must not keep it from its verdict. Variants are
    those that it carries on the autosomes.
    """
    input:
        alignment=alignment_measures,
        screening=SCREENING,
        lanes=lambda wildcards: fastp_reports(wildcards.sample),
        gvcf="gvcf/{sample}.g.vcf.gz",
        mitochondrion=lambda wildcards: mitochondrial_calls([wildcards.sample]),
        autosomes="reference/autosomes.bed",
        sites=project.config.qc.contamination_sites or [],
        compared=project.config.qc.identity.sites or [],
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        json="qc/{sample}/metrics.json",
        variants="qc/{sample}/bcftools_stats.txt",
        charr="qc/{sample}/charr.json",
        fingerprint="qc/{sample}/fingerprint.npz",
    log:
        "logs/measure_sample/{sample}.log",
    benchmark:
        "benchmarks/measure_sample/{sample}.tsv"
    conda:
        "../envs/bcftools.yaml"
    resources:
        **needs("measure_sample"),
    params:
        configfile=EFFECTIVE_CONFIG,
        sources=metric_sources,
        sex=lambda wildcards: project.samples[wildcards.sample].sex,
        sites=file_argument("--sites", project.config.qc.contamination_sites),
        mitochondrion=lambda wildcards, input: (
            f"--mitochondrion {input.mitochondrion}" if input.mitochondrion else ""
        ),
        proceeds=PROCEEDS,
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.variants:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        # Through cat, which says when the disk is full: bcftools stats does not.
        bcftools view --samples {wildcards.sample} --trim-alt-alleles --min-ac 1 \
            --targets-file {input.autosomes:q} --apply-filters PASS,. --output-type u \
            {input.gvcf:q} \
            | bcftools norm --fasta-ref {input.fasta:q} --multiallelics -any --output-type u \
            | bcftools norm --fasta-ref {input.fasta:q} --atomize --atom-overlaps . \
                --output-type u \
            | bcftools view --exclude 'ALT="*" || ALT~"<" || ABS(ILEN)>=50' --output-type u \
            | bcftools stats --samples - | cat >"$part/stats"
        wgs qc charr {input.gvcf:q} --autosomes {input.autosomes:q} \
            --reference-fai {input.fai:q} {params.sites} -o "$part/charr"
        wgs qc fingerprint --sample {wildcards.sample} --gvcf {input.gvcf:q} \
            --config {params.configfile:q} --reference-fai {input.fai:q} \
            $({params.proceeds} || echo --stopped) -o {output.fingerprint:q}
        mv "$part/stats" {output.variants:q}
        mv "$part/charr" {output.charr:q}
        wgs qc metrics --sample {wildcards.sample} --sex {params.sex} {params.sources} \
            $({params.proceeds} && echo --callset-stats {output.variants:q} \
                --charr {output.charr:q} {params.mitochondrion}) -o {output.json:q}
        """


rule judge_sample:
    """Compare a genome with those of the run that are there and with the whole database, and give
    the verdict: pass, warn, fail or hold, and the next action.

    A relative whose sample failed must not keep it from its verdict: so only its own fingerprint
    is waited for, unless the configuration says otherwise.
    """
    input:
        metrics="qc/{sample}/metrics.json",
        fingerprint="qc/{sample}/fingerprint.npz",
        family=lambda wildcards: compared_family(wildcards.sample),
        lanes=LANES,
        screening=SCREENING,
        initialised="ngd/initialised",
        fai="reference/genome.fa.fai",
    output:
        identity="qc/{sample}/identity.json",
        json="qc/{sample}/verdict.json",
    log:
        "logs/judge_sample/{sample}.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("judge_sample"),
    params:
        configfile=EFFECTIVE_CONFIG,
        # Read through the configuration: here so that a change of them is noticed.
        bounds=BOUNDS,
        identity=project.config.values["qc"]["identity"],
        overrides=lambda wildcards: overrides_of(wildcards.sample),
        assay=lambda wildcards: unit_of(wildcards.sample).assay,
        material=lambda wildcards: project.samples[wildcards.sample].material,
        lanes=lambda wildcards, input: (
            f"--identity {input.lanes}" if input.lanes else ""
        ),
        proceeds=PROCEEDS,
    shell:
        """
        exec 2>{log:q}
        wgs qc identity --sample {wildcards.sample} --qc-dir qc --config {params.configfile:q} \
            --reference-fai {input.fai:q} -o {output.identity:q}
        wgs qc verdict --metrics {input.metrics:q} --config {params.configfile:q} \
            --assay {params.assay} --material {params.material} \
            --identity {output.identity:q} {params.lanes} \
            $({params.proceeds} || echo --stopped) -o {output.json:q}
        """


rule compare_with_truth:
    """Compare a sample's calls with its known truth."""
    input:
        truth=lambda wildcards: project.config.truth[wildcards.sample].vcf,
        bed=lambda wildcards: project.config.truth[wildcards.sample].bed,
        query=lambda wildcards: (
            f"callset/{project.samples[wildcards.sample].family_id}.vcf.gz"
        ),
        screening=SCREENING,
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        json="qc/{sample}/concordance.json",
    log:
        "logs/compare_with_truth/{sample}.log",
    wildcard_constraints:
        sample=any_of(project.config.truth),
    conda:
        "../envs/bcftools.yaml"
    resources:
        **needs("compare_with_truth"),
    params:
        proceeds=PROCEEDS,
    shell:
        """
        if ! {params.proceeds}; then
            echo null >{output.json:q}
            exit 0
        fi
        wgs qc concordance --truth {input.truth:q} --query {input.query:q} \
            --sample {wildcards.sample} --bed {input.bed:q} --reference {input.fasta:q} \
            -o {output.json:q} 2>{log:q}
        """


rule tabulate_cohort:
    """Tabulate metrics and verdicts of all samples, for people and for MultiQC."""
    input:
        metrics=of_all("qc/{sample}/metrics.json"),
        verdicts=of_all("qc/{sample}/verdict.json"),
    output:
        tsv="qc/samples.tsv",
        multiqc=directory("qc/multiqc_content"),
    log:
        "logs/tabulate_cohort/cohort.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("tabulate_cohort"),
    params:
        samples="\n".join(project.analysed),
    shell:
        """
        echo {params.samples:q} | wgs qc cohort --qc-dir qc --samples-list - \
            --multiqc-dir {output.multiqc:q} -o {output.tsv:q} 2>{log:q}
        """


rule run_multiqc:
    """Collect the tools' own reports beside our metrics."""
    input:
        content="qc/multiqc_content",
        reports=lambda wildcards: multiqc_inputs(),
        config=workflow.source_path("../multiqc_config.yaml"),
    output:
        html="qc/multiqc.html",
        files="qc/multiqc_files.txt",
    log:
        "logs/run_multiqc/cohort.log",
    conda:
        "../envs/multiqc.yaml"
    resources:
        **needs("run_multiqc"),
    params:
        files=lambda wildcards, input: "\n".join(input.reports),
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.html:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        ls {input.content:q}/* >"$part/files.txt"
        echo {params.files:q} >>"$part/files.txt"
        multiqc --force --quiet --no-data-dir --config {input.config:q} \
            --outdir "$part" --filename multiqc.html --file-list "$part/files.txt"
        mv "$part/files.txt" {output.files:q}
        mv "$part/multiqc.html" {output.html:q}
        """
