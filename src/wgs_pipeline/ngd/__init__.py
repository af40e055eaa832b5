"""The National Genome Database: exact, erasable, and answering only for allowed purposes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wgs_pipeline.ngd.database import Database


def open(
    root: str | Path,
    purpose: str,
    project: str | Path | None = None,
    actor: str | None = None,
    aliases: str | Path | None = None,
    rsids: str | Path | None = None,
) -> Database:
    """Open a database for one purpose.

    Args:
        root: Folder of the database.
        purpose: care, quality, statistics or research.
        project: Approved project; needed for research and statistics.
        actor: Person on whose behalf a service asks.
        aliases: Table of other names of the contigs, such as RefSeq accessions.
        rsids: Table of rsIDs.

    Returns:
        An object with ``region``, ``variant``, ``genes``, ``carriers``, ``carriers_of``,
        ``carriers_in`` and ``genome``, which give Arrow tables, and ``info``. Use it as a context
        manager.

    Raises:
        PurposeError: The purpose is not on the closed list.
        ConsentError: Research or statistics without a project.
        NgdError: There is no database, or its vault is not there.
    """
    from wgs_pipeline.ngd.opening import open_database

    return open_database(
        Path(root),
        purpose,
        Path(project) if project else None,
        actor,
        Path(aliases) if aliases else None,
        Path(rsids) if rsids else None,
    )
