"""``wgs mitochondrion``: variants and heteroplasmies of the mitochondrion."""

from __future__ import annotations

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Variants and heteroplasmies of the mitochondrion."""


@command.command()
@click.argument("cram", type=_PATH)
@click.option("--sample", required=True, help="sample_id.")
@click.option("--fasta", type=_PATH, required=True, help="Indexed reference of the CRAM.")
@click.option("--contig", required=True, help="Name of the mitochondrial contig.")
@click.option(
    "--alignment-tally", type=_PATH, help="Tally of wgs qc alignment: depth of the autosomes."
)
@click.option(
    "--min-heteroplasmy",
    type=click.FloatRange(0.001, 1),
    default=0.03,
    show_default=True,
    help="Least share of the reads with an allele.",
)
@click.option(
    "--min-depth",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="Least reads at a site that passes.",
)
@click.option(
    "--min-qual",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Least QUAL that passes (Phred).",
)
@click.option(
    "--homoplasmy",
    type=click.FloatRange(0.5, 1),
    default=0.95,
    show_default=True,
    help="From this share on the genotype is 1, below it 0/1.",
)
@click.option(
    "--min-mapping-quality",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Reads below it do not count (Phred).",
)
@click.option(
    "--min-base-quality",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Bases below it do not count (Phred).",
)
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Threads that align.")
@click.option("-o", "output", type=_PATH, required=True, help="bgzip VCF.")
def call(
    cram: Path,
    sample: str,
    fasta: Path,
    contig: str,
    alignment_tally: Path | None,
    min_heteroplasmy: float,
    min_depth: int,
    min_qual: float,
    homoplasmy: float,
    min_mapping_quality: int,
    min_base_quality: int,
    threads: int,
    output: Path,
) -> None:
    """Call a mitochondrion: its reads are aligned anew, to the circle cut open at two places."""
    from wgs_pipeline import mitochondrion

    settings = mitochondrion.Settings(
        min_heteroplasmy,
        min_depth,
        min_qual,
        homoplasmy,
        min_mapping_quality,
        min_base_quality,
    )
    depth = _autosome_depth(alignment_tally) if alignment_tally else None
    person = mitochondrion.Sample(sample, cram, fasta, contig, depth)
    left_out = mitochondrion.call(person, settings, output, threads)
    if left_out:
        click.echo(
            f"{sample}: {left_out} alleles reach over the end of {contig} and are left out",
            err=True,
        )


def _autosome_depth(tally: Path) -> float:
    from wgs_pipeline.metrics.contigs import Part
    from wgs_pipeline.metrics.tally import read_tally

    return read_tally(tally).part(Part.AUTOSOME).mean
