"""``wgs reference``: intervals and ploidy that the callers need."""

from __future__ import annotations

from pathlib import Path

import click

from wgs_pipeline.files import write_json, write_text

_PATH = click.Path(path_type=Path)
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
@click.option(
    "--at-gaps", is_flag=True, help="Cut only at runs of N: pieces are of roughly equal length."
)
def scatter(fasta: Path, fai: Path, pieces: int, padding: int, outdir: Path, at_gaps: bool) -> None:
    """Split the reference into pieces of equal length without N."""
    from wgs_pipeline import reference

    lengths = {each.name: each.length for each in reference.read_contigs(fai)}
    split = reference.scatter_at_gaps if at_gaps else reference.scatter
    parts = split(reference.known_intervals(fasta), pieces)
    for number, intervals in enumerate(parts):
        padded = reference.pad(intervals, padding, lengths)
        write_text(outdir / f"{number:04d}.bed", reference.format_bed(intervals))
        write_text(outdir / f"{number:04d}.padded.bed", reference.format_bed(padded))


@command.command()
@_fai
@_x
@_y
@_mitochondrion
@click.option("--par-bed", type=_PATH, help="Pseudoautosomal regions.")
@click.option("--sample", required=True, help="sample_id.")
@click.option(
    "--sex",
    type=click.Choice(["female", "male", "unknown"]),
    required=True,
    help="Sex stated in the sheet; decides where the reads do not.",
)
@click.option("--alignment-tally", type=_PATH, help="Tally of wgs qc alignment: how many X and Y.")
@click.option("--gvcf", type=_PATH, help="Indexed gVCF instead of the tally; with --regions.")
@click.option("--regions", type=_PATH, help="BED of wgs qc regions; with --gvcf.")
@click.option(
    "--most-copies",
    type=click.IntRange(min=2),
    help="The most copies that the caller takes: so the header says.",
)
@click.option("--json", "json_output", type=_PATH, help="Also write karyotype and evidence here.")
@click.option("--header", type=_PATH, help="Also write the ploidy as a header line of VCFs here.")
@click.option("-o", "output", type=_PATH, required=True, help="BED file.")
def ploidy(
    fai: Path,
    x: str | None,
    y: str | None,
    mitochondrion: str | None,
    par_bed: Path | None,
    sample: str,
    sex: str,
    alignment_tally: Path | None,
    gvcf: Path | None,
    regions: Path | None,
    most_copies: int | None,
    json_output: Path | None,
    header: Path | None,
    output: Path,
) -> None:
    """Write where the ploidy of a sample is not two: contig, start, end, sample, ploidy.

    The karyotype is inferred from the alignment or the gVCF; without them, or where they do not
    tell, it is that of the stated sex.
    """
    if (gvcf is None) != (regions is None):
        raise click.UsageError("--gvcf and --regions belong together")
    if gvcf is not None and alignment_tally is not None:
        raise click.UsageError("give --alignment-tally or --gvcf, not both")
    from wgs_pipeline import ploidy as copies
    from wgs_pipeline import reference
    from wgs_pipeline.metrics.sex import evidence_json, sex_findings

    contigs = reference.read_contigs(fai, x, y, mitochondrion)
    par = reference.pseudoautosomal(contigs, par_bed)
    found = sex_findings(contigs, par, alignment_tally, gvcf, regions)
    evidence = evidence_json(found)
    karyotype = copies.choose_karyotype(sex, evidence["inferred"], evidence.pop("why"))
    runs = copies.ploidy_runs(contigs, par, karyotype.name)
    if json_output:
        evidence["most_copies"] = most_copies
        write_json(json_output, copies.document(sample, sex, karyotype, runs, evidence))
    if header:
        called = copies.ploidy_runs(contigs, par, karyotype.name, most_copies)
        write_text(header, copies.header_line(sample, karyotype, called))
    write_text(output, copies.format_bed(sample, runs))


@command.command("ploidy-file")
@click.argument("bed", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("samples", nargs=-1, required=True)
def ploidy_file(bed: Path, samples: tuple[str, ...]) -> None:
    """Print the file for bcftools call --ploidy-file, with each sample as a sex of its own."""
    for line in bed.read_text(encoding="utf-8").splitlines():
        contig, start, end, sample, ploidy = line.split("\t")
        if sample in samples:
            # More than two copies bcftools call does not know: it stops there.
            click.echo(f"{contig} {int(start) + 1} {end} {sample} {min(int(ploidy), 2)}")
    for sample in samples:
        click.echo(f"* * * {sample} 2")


@command.command("split-ploidy")
@click.argument("intervals", type=click.Path(path_type=Path))
@click.option("--ploidy", type=click.Path(path_type=Path), required=True, help="BED of a sample.")
@click.option(
    "--outdir", type=click.Path(path_type=Path), required=True, help="Folder for 1.bed, 2.bed, …"
)
def split_ploidy(intervals: Path, ploidy: Path, outdir: Path) -> None:
    """Split intervals by the copies that a sample has of them, one BED file a ploidy.

    Of what it has no copy of (Y of a female) nothing is written.
    """
    from wgs_pipeline import reference
    from wgs_pipeline.copies import split_by_ploidy
    from wgs_pipeline.ploidy import read_ploidy

    parts = split_by_ploidy(reference.read_bed(intervals), read_ploidy(ploidy))
    for number, found in parts.items():
        if number:
            write_text(outdir / f"{number}.bed", reference.format_bed(found))
