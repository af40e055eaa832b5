"""The folder that a vault belongs to: a copy of a database must not write to the vault of another.

The vault keeps the resolved path of ROOT, and its device and inode, by which a folder that was
moved within its file system, or is mounted elsewhere, is known again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault

_KEY = "root"


def claim(root: Root, vault: Vault) -> None:
    """Note (inside a transaction of the vault) that the database lies here."""
    vault.put(_KEY, json.dumps(_place(root.path)))


def require_home(root: Root, vault: Vault) -> None:
    """Refuse a database that is not the one of its vault; a vault of before names none.

    Raises:
        NgdError: The vault belongs to another folder.
    """
    stated = vault.get(_KEY)
    if stated is None:
        return
    home, here = json.loads(stated), _place(root.path)
    moved = (home["device"], home["inode"]) != (here["device"], here["inode"])
    if home["path"] != here["path"] and moved:
        raise NgdError(
            f"{here['path']}: its vault {vault.path} belongs to the database at {home['path']}, of "
            "which this is a copy. Use that one; if it is gone and this is to take its place, run "
            f"'wgs ngd adopt {root.path}'"
        )


def home_of(vault: Vault) -> Path | None:
    """The folder of the database that a vault belongs to; None where it names none."""
    stated = vault.get(_KEY)
    return None if stated is None else Path(json.loads(stated)["path"])


def adopt(root: Root, vault: Vault) -> None:
    """Let the vault belong to this folder from now on.

    Raises:
        NgdError: It is the vault of another database, or of another state of this one.
    """
    from wgs_pipeline.ngd.generation import publish

    if vault.require("identity") != root.settings.identity:
        raise NgdError(
            f"{root.path}: {vault.path} is the vault of another database; expected its own. "
            "Restore both from one backup"
        )
    with vault.lease(), vault.transaction():
        claim(root, vault)
        publish(root, vault)


def _place(path: Path) -> dict[str, Any]:
    found = path.stat()
    return {"path": str(path.resolve()), "device": found.st_dev, "inode": found.st_ino}
