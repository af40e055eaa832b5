"""``wgs qc``: metrics, verdict, the cohort's table, concordance with truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

import click

from wgs_pipeline.cli import qc_identity
from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import write_json, write_text

_PATH = click.Path(path_type=Path)
_output = click.option("-o", "--output", type=_PATH, required=True, help="File to write.")
_x = click.option("--x", help="Name of the X contig, where it is not X or chrX.")
_y = click.option("--y", help="Name of the Y contig, where it is not Y or chrY.")
_mitochondrion = click.option(
    "--mitochondrion", help="Name of the mitochondrial contig, where it is not chrM or MT."
)
_sites = click.option(
    "--sites", type=_PATH, help="VCF of common SNVs with INFO/AF, to estimate contamination."
)
_par_bed = click.option("--par-bed", type=_PATH, help="Pseudoautosomal regions on X and Y.")


@click.group()
def command() -> None:
    """Per-sample metrics and verdict."""


command.add_command(qc_identity.fingerprint)
command.add_command(qc_identity.identity)
command.add_command(qc_identity.lanes)


@command.command()
@click.option("--reference", type=_PATH, required=True, help="Indexed FASTA.")
@_par_bed
@_x
@_y
@_mitochondrion
@click.option("--autosomes", type=_PATH, help="Also write the autosomal intervals to this BED.")
@_output
def regions(
    reference: Path,
    par_bed: Path | None,
    x: str | None,
    y: str | None,
    mitochondrion: str | None,
    autosomes: Path | None,
    output: Path,
) -> None:
    """Write the BED over which depth is measured: no N, cut where PAR begins and ends."""
    from wgs_pipeline import reference as genome
    from wgs_pipeline.metrics.contigs import Part, contig_parts, measured_intervals

    contigs = genome.read_contigs(Path(f"{reference}.fai"), x, y, mitochondrion)
    parts = contig_parts(contigs)
    par = genome.pseudoautosomal(contigs, par_bed)
    intervals = measured_intervals(genome.known_intervals(reference), parts, par)
    write_text(output, genome.format_bed(intervals))
    if autosomes:
        kept = [each for each in intervals if parts[each.contig] is Part.AUTOSOME]
        write_text(autosomes, genome.format_bed(kept))


@command.command()
@click.argument("alignment_path", metavar="CRAM", type=_PATH)
@click.option("--reference", type=_PATH, required=True, help="Indexed FASTA.")
@click.option("--regions", "regions_bed", type=_PATH, required=True, help="BED of wgs qc regions.")
@_par_bed
@_x
@_y
@_mitochondrion
@_sites
@click.option("--panel", type=_PATH, help="Gene panel, BED or GFF3, whose coverage is counted.")
@click.option(
    "--samtools-stats",
    type=_PATH,
    required=True,
    help="Counts of reads to write, in the format of samtools stats.",
)
@click.option("--threads", type=click.IntRange(1), default=1, help="Threads that decode.")
@_output
def alignment(
    alignment_path: Path,
    reference: Path,
    regions_bed: Path,
    par_bed: Path | None,
    x: str | None,
    y: str | None,
    mitochondrion: str | None,
    panel: Path | None,
    sites: Path | None,
    samtools_stats: Path,
    threads: int,
    output: Path,
) -> None:
    """Count reads, depth, GC and chimeras of an alignment in one pass."""
    from wgs_pipeline import reference as genome
    from wgs_pipeline.metrics.alignment_pass import Regions, tally_alignment
    from wgs_pipeline.metrics.contigs import autosome_names
    from wgs_pipeline.metrics.panel import read_panel
    from wgs_pipeline.metrics.sites import read_common_snvs

    contigs = genome.read_contigs(Path(f"{reference}.fai"), x, y, mitochondrion)
    measured = Regions(
        contigs=contigs,
        intervals=genome.read_bed(regions_bed),
        par=genome.pseudoautosomal(contigs, par_bed),
        targets=read_panel(panel) if panel else (),
        common=read_common_snvs(sites, autosome_names(contigs)) if sites else None,
    )
    if {output.resolve(), samtools_stats.resolve()} & {alignment_path.resolve()}:
        raise WgsError(f"{alignment_path}: is to be read and to be written; give -o another path")
    tally = tally_alignment(alignment_path, reference, measured, samtools_stats, threads)
    write_text(output, json.dumps(tally.as_json()) + "\n")


@command.command()
@click.option("--sample", required=True, help="sample_id.")
@click.option(
    "--sex",
    type=click.Choice(["female", "male", "unknown"]),
    required=True,
    help="Sex stated in the sheet.",
)
@click.option("--reads-json", type=_PATH, help="Tally of wgs reads stream.")
@click.option(
    "--samtools-stats", type=_PATH, help="Text of wgs qc alignment, or of samtools stats."
)
@click.option("--alignment-tally", type=_PATH, help="Tally of wgs qc alignment.")
@click.option("--callset-stats", type=_PATH, help="Text of bcftools stats -s -.")
@click.option("--charr", type=_PATH, help="Estimate of wgs qc charr.")
@click.option("--mitochondrion", type=_PATH, help="Calls of wgs mitochondrion call.")
@click.option("--ploidy", type=_PATH, help="JSON of wgs reference ploidy; where no tally is.")
@click.option("--fastp", type=_PATH, multiple=True, help="JSON report; once a lane.")
@_output
def metrics(
    sample: str,
    sex: str,
    reads_json: Path | None,
    samtools_stats: Path | None,
    alignment_tally: Path | None,
    callset_stats: Path | None,
    charr: Path | None,
    mitochondrion: Path | None,
    ploidy: Path | None,
    fastp: tuple[Path, ...],
    output: Path,
) -> None:
    """Derive every metric of a sample; what no input supports is not applicable."""
    from wgs_pipeline.metrics.sample import SampleInputs, measure_sample

    inputs = SampleInputs(
        tally=reads_json,
        samtools_stats=samtools_stats,
        alignment_tally=alignment_tally,
        callset_stats=callset_stats,
        charr=charr,
        fastp=fastp,
        ploidy=ploidy,
        mitochondrion=mitochondrion,
    )
    write_json(output, measure_sample(sample, sex, inputs).as_json())


@command.command()
@click.argument("gvcf", type=_PATH)
@click.option("--autosomes", type=_PATH, required=True, help="BED of wgs qc regions.")
@click.option("--reference-fai", type=_PATH, required=True, help="FASTA index.")
@_sites
@_output
def charr(
    gvcf: Path, autosomes: Path, reference_fai: Path, sites: Path | None, output: Path
) -> None:
    """Estimate contamination from the reference reads at homozygous SNVs of a gVCF."""
    from wgs_pipeline import reference
    from wgs_pipeline.metrics.contamination import charr_of_gvcf

    names = [each.name for each in reference.read_contigs(reference_fai)]
    estimate = charr_of_gvcf(gvcf, autosomes, names, sites)
    write_json(output, estimate.as_json())


@command.command()
@click.option("--metrics", "metrics_path", type=_PATH, required=True, help="metrics.json.")
@click.option("--config", "configfile", type=_PATH, required=True, help="config.yaml.")
@click.option(
    "--assay",
    type=click.Choice(["wgs", "exome", "panel"]),
    default="wgs",
    show_default=True,
    help="What was sequenced.",
)
@click.option(
    "--material",
    type=click.Choice(["germline", "tumour"]),
    default="germline",
    show_default=True,
    help="Of what it was sequenced.",
)
@click.option("--identity", type=_PATH, multiple=True, help="identity.json or lanes.json.")
@click.option("--stopped", is_flag=True, help="The sample was stopped before it was called.")
@click.option(
    "--proceeds",
    type=_PATH,
    help="Also write the sample's name to this file, or nothing where it is not to be called.",
)
@_output
def verdict(
    metrics_path: Path,
    configfile: Path,
    assay: str,
    material: str,
    identity: tuple[Path, ...],
    stopped: bool,
    proceeds: Path | None,
    output: Path,
) -> None:
    """Judge a sample: pass, warn, fail or hold, why, and the next action."""
    from wgs_pipeline.config import load_config
    from wgs_pipeline.metrics.identity import read_findings
    from wgs_pipeline.metrics.sample import read_metrics
    from wgs_pipeline.metrics.screening import basis, is_worth_calling
    from wgs_pipeline.metrics.verdict import STOPPED, judge
    from wgs_pipeline.overrides import read_overrides

    config = load_config(configfile).qc
    measured = read_metrics(metrics_path)
    signed = read_overrides(config.overrides)
    mine = [each for each in signed if each.sample_id == measured.sample]
    found = read_findings(identity, measured.sample)
    if stopped:
        found.not_judged.append(STOPPED)
    bounds = config.bounds(assay, material)
    judged = judge(measured, bounds, mine, found)
    for each in judged.unused_overrides:
        click.echo(f"{measured.sample}: nothing to override in {each.metric}", err=True)
    document = judged.as_json()
    write_json(output, document | {"basis": basis(bounds, mine)} if proceeds else document)
    if proceeds:
        called = is_worth_calling(judged) or not config.early_stop
        write_text(proceeds, f"{measured.sample}\n" if called else "")


@command.command()
@click.option(
    "--qc-dir",
    type=_PATH,
    required=True,
    help="Folder that holds {sample}/metrics.json and {sample}/verdict.json.",
)
@click.option("--sample", "samples", multiple=True, help="sample_id; once a sample.")
@click.option(
    "--samples-list",
    type=click.File(encoding="utf-8"),
    help="File of sample_ids, one a line; - is standard input.",
)
@click.option("--multiqc-dir", type=_PATH, help="Also write custom content for MultiQC here.")
@_output
def cohort(
    qc_dir: Path,
    samples: tuple[str, ...],
    samples_list: TextIO | None,
    multiqc_dir: Path | None,
    output: Path,
) -> None:
    """Write one row a sample: metrics, verdict and next action."""
    from wgs_pipeline.metrics import multiqc
    from wgs_pipeline.metrics.cohort import cohort_table, read_cohort

    listed = [line.strip() for line in samples_list or () if line.strip()]
    rows = read_cohort(qc_dir, [*samples, *listed])
    write_text(output, cohort_table(rows))
    if multiqc_dir:
        write_json(multiqc_dir / "wgs_general_mqc.json", multiqc.general_statistics(rows))
        write_json(multiqc_dir / "wgs_verdict_mqc.json", multiqc.verdict_table(rows))
        write_json(multiqc_dir / "wgs_metrics_mqc.json", multiqc.metrics_table(rows))


@command.command()
@click.option("--truth", type=_PATH, required=True, help="VCF of the truth.")
@click.option("--query", type=_PATH, required=True, help="Callset or gVCF.")
@click.option("--sample", required=True, help="Name of the sample in the callset.")
@click.option(
    "--truth-sample",
    help="Name of the sample in the truth; default: the same name, else its only sample.",
)
@click.option("--bed", type=_PATH, required=True, help="Where the truth is complete.")
@click.option("--reference", type=_PATH, required=True, help="Indexed FASTA.")
@_output
def concordance(
    truth: Path,
    query: Path,
    sample: str,
    truth_sample: str | None,
    bed: Path,
    reference: Path,
    output: Path,
) -> None:
    """Compare a callset with known truth: recall, precision, genotypes."""
    from wgs_pipeline.metrics import concordance as comparison

    known = comparison.Calls(truth, truth_sample or comparison.truth_sample(truth, sample))
    result = comparison.concordance(known, comparison.Calls(query, sample), bed, reference)
    write_json(output, result)
