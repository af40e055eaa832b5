# Reads: everything that a run wrote. Writes: report/, provenance/.


localrules:
    write_run_report,
    write_cohort_report,


rule write_run_report:
    """Write the run report: what happened to each sample, and why; and where its files are from.

    Provenance of all samples at once: it takes milliseconds, and would be a job for each.
    """
    input:
        receipts=of_all("ngd/{sample}.loaded.json"),
        verdicts=of_all("qc/{sample}/verdict.json"),
        concordance=of_all("qc/{sample}/concordance.json", truth_samples()),
        callsets=lambda wildcards: callsets(),
        families=lambda wildcards: family_analyses(),
        cohort="qc/samples.tsv",
        multiqc="qc/multiqc.html",
        pictures="report/cohort.html",
    output:
        html="report/run.html",
        json="report/run.json",
        costs="report/costs.tsv",
        provenance=expand("provenance/{sample}.json", sample=project.analysed),
    log:
        "logs/write_run_report/run.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("write_run_report"),
    params:
        configfile=EFFECTIVE_CONFIG,
        costs=project.config.values["costs"],  # a change is to be seen
    shell:
        """
        wgs report run {params.configfile:q} -o {output.html:q} --json {output.json:q} \
            --costs {output.costs:q} --provenance provenance 2>{log:q}
        """


rule write_cohort_report:
    """Draw all samples together: trends, outliers by batch, relatives."""
    input:
        metrics=of_all("qc/{sample}/metrics.json"),
        identities=of_all("qc/{sample}/identity.json"),
        verdicts=of_all("qc/{sample}/verdict.json"),
    output:
        html="report/cohort.html",
    log:
        "logs/write_cohort_report/cohort.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("write_cohort_report"),
    params:
        configfile=EFFECTIVE_CONFIG,
    shell:
        "wgs report cohort {params.configfile:q} -o {output.html:q} 2> {log:q}"


onerror:
    # One sample that failed does not keep the others from being tabulated and reported.
    shell(
        "ls qc/*/verdict.json 2>/dev/null | cut -d/ -f2 "
        "| wgs qc cohort --qc-dir qc --samples-list - -o qc/samples.tsv || true"
    )
    shell("wgs report cohort {EFFECTIVE_CONFIG:q} -o report/cohort.html || true")
    shell(
        "wgs report run {EFFECTIVE_CONFIG:q} -o report/run.html --json report/run.json "
        "--costs report/costs.tsv --provenance provenance || true"
    )
