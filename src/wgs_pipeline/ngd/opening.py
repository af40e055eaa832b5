"""Opening a database for one purpose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wgs_pipeline import audit
from wgs_pipeline.consent.purposes import parse_purpose
from wgs_pipeline.errors import ConsentError, WgsError
from wgs_pipeline.ngd.access import AGGREGATE, Asker, log_refused_opening
from wgs_pipeline.ngd.database import Database
from wgs_pipeline.ngd.home import require_home
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault

if TYPE_CHECKING:
    from wgs_pipeline.ngd.projects import ResearchProject


def open_database(
    root: Path,
    purpose: str,
    project: Path | None = None,
    actor: str | None = None,
    aliases: Path | None = None,
    rsids: Path | None = None,
) -> Database:
    """Open a database for one purpose.

    Raises:
        PurposeError: The purpose is not on the closed list; the refusal is logged.
        ConsentError: Research or statistics without a project; the refusal is logged.
        ConfigError: The project file cannot be used.
        NgdError: There is no database, or its vault is not there or belongs to another.
    """
    opened = Root.open(root)
    vault = Vault(opened.vault)
    try:
        require_home(opened, vault)
        try:
            parsed = parse_purpose(purpose)
            approval = None if project is None else _approval(project)
            if parsed in AGGREGATE and approval is None:
                raise ConsentError(
                    f"purpose {parsed} needs an approved project; expected --project FILE "
                    "(config/projects/)"
                )
        except WgsError as error:
            log_refused_opening(opened, vault, purpose, actor, error)
            raise
    except WgsError:
        vault.close()
        raise
    asker = Asker(audit.system_user(), actor, parsed, approval)
    return Database(opened, vault, asker, aliases, rsids)


def _approval(project: Path) -> ResearchProject:
    from wgs_pipeline.ngd.projects import read_project  # care has none

    return read_project(project)
