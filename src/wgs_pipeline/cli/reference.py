"""``wgs reference``: intervals and ploidy that the callers need."""

from __future__ import annotations

from pathlib import Path

import click

from wgs_pipeline.files import write_text

_fai = click.option("--fai", type=click.Path(path_type=Path), required=True, help="FASTA index.")
_x = click.option("--x", help="Name of the X contig, where it is not X or chrX.")
_y = click.option("--y", help="Name of the Y contig, where it is not Y or chrY.")
_mitochondrion = click.option(
    "--mitochondrion", help="Name of the mitochondrial contig, where it is not chrM or MT."
)


@click.group()
def command() -> None:
    """Intervals and ploidy of the reference."""


@command.command()
@click.option("--fasta", type=click.Path(path_type=Path), required=True, help="Indexed FASTA.")
@click.option(
    "--pieces", type=click.IntRange(min=1), required=True, help="Number of pieces of equal length."
)
@_fai
@click.option(
    "--padding", type=click.IntRange(min=0), required=True, help="Bases around each piece."
)
@click.option(
    "--outdir",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for two BED files a piece: 0000.bed and 0000.padded.bed, …",
)
def scatter(fasta: Path, fai: Path, pieces: int, padding: int, outdir: Path) -> None:
    """Split the reference into pieces of equal length without N."""
    from wgs_pipeline import reference

    lengths = {each.name: each.length for each in reference.read_contigs(fai)}
    parts = reference.scatter(reference.known_intervals(fasta), pieces)
    for number, intervals in enumerate(parts):
        padded = reference.pad(intervals, padding, lengths)
        write_text(outdir / f"{number:04d}.bed", reference.format_bed(intervals))
        write_text(outdir / f"{number:04d}.padded.bed", reference.format_bed(padded))


@command.command()
@_fai
@_x
@_y
@_mitochondrion
@click.option("--par-bed", type=click.Path(path_type=Path), help="Pseudoautosomal regions.")
@click.option(
    "--sample",
    "samples",
    type=(str, click.Choice(["female", "male", "unknown"])),
    multiple=True,
    required=True,
    metavar="SAMPLE_ID SEX",
    help="A sample and its stated sex (female, male, unknown); give the option once a sample.",
)
@click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="BED file.")
def ploidy(
    fai: Path,
    x: str | None,
    y: str | None,
    mitochondrion: str | None,
    par_bed: Path | None,
    samples: tuple[tuple[str, str], ...],
    output: Path,
) -> None:
    """Write where the ploidy of each sample is not two: contig, start, end, sample, ploidy."""
    from wgs_pipeline import reference

    contigs = reference.read_contigs(fai, x, y, mitochondrion)
    par = reference.pseudoautosomal(contigs, par_bed)
    rows = [
        (run.interval.contig, run.interval.start, run.interval.end, sample, run.ploidy)
        for sample, sex in samples
        for run in reference.ploidy_runs(contigs, par, sex)
    ]
    write_text(output, "".join("\t".join(map(str, row)) + "\n" for row in rows))


@command.command("ploidy-file")
@click.argument("bed", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("samples", nargs=-1, required=True)
def ploidy_file(bed: Path, samples: tuple[str, ...]) -> None:
    """Print the file for bcftools call --ploidy-file, with each sample as a sex of its own."""
    for line in bed.read_text(encoding="utf-8").splitlines():
        contig, start, end, sample, ploidy = line.split("\t")
        if sample in samples:
            click.echo(f"{contig} {int(start) + 1} {end} {sample} {ploidy}")
    for sample in samples:
        click.echo(f"* * * {sample} 2")
