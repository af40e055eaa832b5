"""``wgs gvcf``: gather and verify gVCFs."""

from __future__ import annotations

from pathlib import Path

import click

from wgs_pipeline.files import write_json


@click.group()
def command() -> None:
    """Gather and verify gVCFs."""


def _depth_bands(ctx: click.Context, param: click.Parameter, value: str) -> list[int]:
    try:
        bands = [int(bound) for bound in value.split(",")]
    except ValueError:
        bands = []
    if not bands or bands != sorted(set(bands)):
        raise click.BadParameter(f"{value!r} is not ascending numbers with commas between")
    return bands


@command.command()
@click.argument("pieces", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--depth-bands",
    callback=_depth_bands,
    default="0",
    show_default=True,
    help="Lower bounds of the depth bands that the caller was given, comma-separated.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads that compress.",
)
@click.option(
    "--header",
    "headers",
    type=click.Path(path_type=Path),
    multiple=True,
    help="File of ## lines to add to the header; once a file.",
)
@click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="gVCF.")
def gather(
    pieces: tuple[Path, ...],
    depth_bands: list[int],
    threads: int,
    headers: tuple[Path, ...],
    output: Path,
) -> None:
    """Join the pieces of a scattered call, in reference order."""
    from wgs_pipeline import gvcf

    lines = b"".join(gvcf.read_header_lines(path) for path in headers)
    gvcf.gather(pieces, depth_bands, output, threads, lines)


@command.command()
@click.option("--fai", type=click.Path(path_type=Path), required=True, help="FASTA index.")
@click.option("--sample", "samples", multiple=True, help="sample_id; once a sample.")
@click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="bgzip VCF.")
def empty(fai: Path, samples: tuple[str, ...], output: Path) -> None:
    """Write the gVCF, without a record, of samples that are not called."""
    from wgs_pipeline import gvcf
    from wgs_pipeline.reference import read_contigs

    gvcf.write_empty(output, {each.name: each.length for each in read_contigs(fai)}, samples)


@command.command()
@click.argument("path", metavar="GVCF", type=click.Path(path_type=Path))
@click.option(
    "--depth",
    type=click.Path(path_type=Path),
    help="Depth bands (mosdepth --quantize 0:1:); each base with reads must lie in a record.",
)
@click.option(
    "--last-bases",
    type=click.Path(path_type=Path),
    help="Depth at the last base of each contig (mosdepth --by); with --depth.",
)
@click.option(
    "--intervals", type=click.Path(path_type=Path), help="BED of what was called; with --depth."
)
@click.option(
    "--source", type=click.Path(path_type=Path), help="The file that it is a copy of; its digest."
)
@click.option(
    "--ploidy",
    type=click.Path(path_type=Path),
    help="BED of the sample's ploidy: what it has no copy of need not be in a record.",
)
@click.option(
    "--pieces",
    type=click.Path(path_type=Path),
    help="Folder of what it was gathered from: named as what to remove where calls are missing.",
)
@click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="JSON.")
def verify(
    path: Path,
    depth: Path | None,
    last_bases: Path | None,
    intervals: Path | None,
    source: Path | None,
    ploidy: Path | None,
    pieces: Path | None,
    output: Path,
) -> None:
    """Prove that a gVCF is complete, and take its SHA-256."""
    from wgs_pipeline import gvcf
    from wgs_pipeline.digests import sha256_of

    given = [each is not None for each in (depth, last_bases, intervals)]
    if any(given) and not all(given):
        raise click.UsageError("--depth, --last-bases and --intervals belong together")
    for each in (path, source) if source else (path,):
        gvcf.check_bgzf_eof(each)
        gvcf.check_last_line(each)
    bases = None
    if depth and last_bases and intervals:
        bases = gvcf.verify_coverage(path, depth, last_bases, intervals, ploidy, pieces)
    found = {"gvcf": path.name, "bases_in_records": bases, "sha256": sha256_of(path)}
    write_json(output, found | ({"source_sha256": sha256_of(source)} if source else {}))


@command.command()
@click.option(
    "--depth",
    type=click.Path(path_type=Path),
    required=True,
    help="Depth bands (mosdepth --quantize 0:1:5:…).",
)
@click.option(
    "--last-bases",
    type=click.Path(path_type=Path),
    required=True,
    help="Depth at the last base of each contig (mosdepth --by).",
)
@click.option("--calls", type=click.Path(path_type=Path), required=True, help="Variants, bgzip.")
@click.option("--fasta", type=click.Path(path_type=Path), required=True, help="Indexed FASTA.")
@click.option(
    "--ploidy", type=click.Path(path_type=Path), help="BED of wgs reference ploidy; else two."
)
@click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="bgzip VCF.")
def blocks(
    depth: Path, last_bases: Path, calls: Path, fasta: Path, ploidy: Path | None, output: Path
) -> None:
    """Write reference blocks for the bases with reads that no variant record covers."""
    from wgs_pipeline import gvcf

    gvcf.write_blocks(depth, last_bases, calls, fasta, output, ploidy)
