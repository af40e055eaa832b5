"""Which part of the genome an export covers: what is asked for, within what is approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from wgs_pipeline.errors import NgdError, ProjectError
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.names import Naming, Region
from wgs_pipeline.ngd.projects import ResearchProject
from wgs_pipeline.ngd.reference import Reference

#: Bases by contig, in the order of the reference; contigs without any are not there.
Regions = Mapping[str, Bases]


def chosen_regions(
    bed: Path | None, project: ResearchProject | None, reference: Reference
) -> Regions:
    """What an export covers: the BED, else what the project permits, else everything.

    Raises:
        ProjectError: The BED reaches beyond what the project permits.
        NgdError: The BED or the project names what the reference does not have.
        ProblemsError: The BED is malformed.
    """
    permitted = permitted_regions(project, Naming(reference))
    if bed is None:
        return permitted
    asked = read_regions(bed, reference)
    for contig, bases in asked.items():
        outside = bases.minus(permitted.get(contig, Bases.empty()))
        if len(outside) and project is not None:
            first = f"{contig}:{outside.starts[0] + 1}-{outside.ends[0]}"
            raise ProjectError(
                f"{bed}: {first} lies outside the regions of project {project.id}. "
                "Leave it out, or have the approval extended"
            )
    return asked


def permitted_regions(project: ResearchProject | None, naming: Naming) -> Regions:
    """What a project permits; without a project, or where it names none, everything.

    Raises:
        NgdError: The project names what the reference, or its file of genes, does not have.
    """
    reference = naming.reference
    if project is None or not project.is_limited:
        return {name: Bases.of([(0, size)]) for name, size in reference.contigs.items()}
    regions = [naming.region(text) for text in project.regions]
    if project.gene_file is not None:
        from wgs_pipeline.ngd.genes import read_genes

        regions += [each.region for each in read_genes(project.gene_file, naming, project.genes)]
    pairs: dict[str, list[tuple[int, int]]] = {}
    for region in regions:
        pairs.setdefault(region.contig, []).append((region.start, region.end))
    return _ordered(pairs, reference)


def require_region(project: ResearchProject, permitted: Regions, region: Region) -> None:
    """Refuse a region that a project's approval leaves out.

    Raises:
        ProjectError: Part of the region lies outside those of the project.
    """
    asked = Bases.of([(region.start, region.end)])
    outside = asked.minus(permitted.get(region.contig, Bases.empty()))
    if len(outside):
        raise ProjectError(
            f"project {project.id} does not cover {region.contig}:{outside.starts[0] + 1}-"
            f"{outside.ends[0]}; expected a part of "
            f"{', '.join((*project.regions, *project.genes))[:200]}. Ask for less, or have the "
            "approval extended"
        )


def read_regions(bed: Path, reference: Reference) -> Regions:
    """Regions of a BED file.

    Raises:
        NgdError: It is empty, or goes beyond the reference.
        ProblemsError: It is malformed.
    """
    from wgs_pipeline.reference import read_bed

    pairs: dict[str, list[tuple[int, int]]] = {}
    for each in read_bed(bed):
        if each.end > reference.length(each.contig):
            raise NgdError(
                f"{bed}: {each.contig}:{each.start}-{each.end} ends beyond its contig of "
                f"{reference.length(each.contig)} bp. Correct the BED"
            )
        pairs.setdefault(each.contig, []).append((each.start, each.end))
    if not pairs:
        raise NgdError(f"{bed}: no region in it; expected contig, start and end. Add one")
    return _ordered(pairs, reference)


def region_texts(regions: Regions) -> Iterator[str]:
    """Regions as people write them: ``chr20:100-200``, 1-based, both ends included."""
    for contig, bases in regions.items():
        for start, end in zip(bases.starts.tolist(), bases.ends.tolist(), strict=True):
            yield f"{contig}:{start + 1}-{end}"


def windows(bases: Bases, size: int) -> Iterator[tuple[int, int]]:
    """Windows on a grid of ``size`` bp, cut down to the part from first to last wanted base."""
    for number in sorted(set(_grid(bases, size))):
        part = bases.intersect(Bases.of([(number * size, (number + 1) * size)]))
        yield int(part.starts[0]), int(part.ends[-1])


def _grid(bases: Bases, size: int) -> Iterator[int]:
    for start, end in zip(bases.starts.tolist(), bases.ends.tolist(), strict=True):
        yield from range(start // size, (end - 1) // size + 1)


def _ordered(pairs: Mapping[str, list[tuple[int, int]]], reference: Reference) -> Regions:
    return {name: Bases.of(pairs[name]) for name in reference.contigs if name in pairs}
