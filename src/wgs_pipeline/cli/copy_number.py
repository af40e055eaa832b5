"""``wgs copy-number``: copy number from read depth."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def command() -> None:
    """Copy number from read depth."""


@command.command()
@click.argument("depth", type=click.Path(path_type=Path))
@click.option("--sample", required=True, help="sample_id.")
@click.option("--reference", type=click.Path(path_type=Path), required=True, help="Indexed FASTA.")
@click.option(
    "--ploidy", type=click.Path(path_type=Path), help="BED of wgs reference ploidy; else diploid."
)
@click.option("--exclude", type=click.Path(path_type=Path), help="BED where nothing is called.")
@click.option("--x", help="Name of the X contig, where it is not X or chrX.")
@click.option("--y", help="Name of the Y contig, where it is not Y or chrY.")
@click.option("--mitochondrion", help="Name of the mitochondrial contig, where not chrM or MT.")
@click.option(
    "--penalty",
    type=click.FloatRange(min=0),
    default=3.0,
    show_default=True,
    help="Of a change, times the logarithm of the number of bins.",
)
@click.option("--min-bins", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--max-gap",
    type=click.IntRange(min=0),
    default=50_000,
    show_default=True,
    help="Bins farther apart (bp) are not of one segment.",
)
@click.option(
    "--min-known",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Bins with a smaller share of known bases that are not excluded are left out.",
)
@click.option(
    "--min-quality",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    help="Phred; changes of lower quality do not pass.",
)
@click.option("--vcf", type=click.Path(path_type=Path), required=True, help="bgzip VCF of changes.")
@click.option("--track", type=click.Path(path_type=Path), required=True, help="bgzip bedGraph.")
@click.option(
    "-o", "output", type=click.Path(path_type=Path), required=True, help="TSV of segments."
)
def call(
    depth: Path,
    sample: str,
    reference: Path,
    ploidy: Path | None,
    exclude: Path | None,
    x: str | None,
    y: str | None,
    mitochondrion: str | None,
    penalty: float,
    min_bins: int,
    max_gap: int,
    min_known: float,
    min_quality: float,
    vcf: Path,
    track: Path,
    output: Path,
) -> None:
    """Tell copy number from DEPTH, regions.bed.gz of mosdepth --by BASES."""
    from wgs_pipeline.copy_number import writing
    from wgs_pipeline.copy_number.bins import read_bins
    from wgs_pipeline.copy_number.calls import Settings, profile
    from wgs_pipeline.copy_number.expected import ExpectedCopies, read_expected
    from wgs_pipeline.reference import Role, read_bed, read_contigs

    contigs = read_contigs(Path(f"{reference}.fai"), x, y, mitochondrion)
    expected = read_expected(ploidy, sample) if ploidy else ExpectedCopies()
    bins = read_bins(depth, reference, read_bed(exclude) if exclude else (), expected, min_known)
    nuclear = {each.name for each in contigs if each.role is not Role.MITOCHONDRION}
    found = profile(
        [each for each in bins if each.contig in nuclear],
        [each.name for each in contigs if each.role is Role.AUTOSOME],
        Settings(penalty, min_bins, max_gap, min_quality),
    )
    writing.write_track(track, found)
    writing.write_changes(
        vcf,
        found.segments,
        sample=sample,
        contigs={each.name: each.length for each in contigs},
        fasta=reference,
        min_quality=min_quality,
    )
    writing.write_segments(output, found.segments)
