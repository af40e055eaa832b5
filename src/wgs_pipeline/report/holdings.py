"""What the National Genome Database holds, without reading its variants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wgs_pipeline.errors import WgsError


def holdings(path: Path) -> dict[str, Any]:
    """Genomes by plane, and the generation that readers see.

    Returns:
        ``name`` (of its folder) and either ``genomes``, ``research``, ``care_only`` and
        ``generation``, or ``problem``: why it cannot be read.
    """
    from wgs_pipeline.ngd.generation import pinned, read_generation
    from wgs_pipeline.ngd.layout import CARE_ONLY, RESEARCH, Root

    if not (path / "ngd.json").exists():
        return {"name": path.name, "problem": "it has not been made yet"}
    try:
        root = Root.open(path)
        with pinned(root) as number:
            members = [each for each in read_generation(root, number).members if not each.retired]
    except (WgsError, OSError) as error:
        return {"name": path.name, "problem": f"it cannot be read ({type(error).__name__})"}
    return {
        "name": path.name,
        "genomes": len(members),
        "research": sum(each.plane == RESEARCH for each in members),
        "care_only": sum(each.plane == CARE_ONLY for each in members),
        "generation": number,
    }
