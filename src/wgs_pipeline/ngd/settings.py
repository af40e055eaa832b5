"""Other settings for a database that is there.

Settings are part of a generation, so that another one follows, with the same genomes.
"""

from __future__ import annotations

import hashlib

from wgs_pipeline.files import write_text
from wgs_pipeline.ngd.generation import (
    Generation,
    publish,
    put_published,
    read_generation,
    write_generation,
)
from wgs_pipeline.ngd.layout import Root, Settings, settings_text
from wgs_pipeline.vault import Vault

#: Key in the vault: digest of the settings that a database is being given.
_ADOPTING = "adopting_settings"


def adopt_settings(root: Root, vault: Vault, adopted: Settings) -> None:
    """Give a database other settings, while the vault's lease is held.

    The vault's note lets the next call with the same settings finish what a killed one began.
    """
    text = settings_text(adopted)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    if adopted == root.settings and vault.get(_ADOPTING) != digest:
        return
    publish(root, vault)
    vault.put(_ADOPTING, digest)
    write_text(root.path / "ngd.json", text)
    old = read_generation(root, int(vault.require("generation")))
    number = old.number + 1
    next_ = Generation(number, old.table, old.derived)
    manifest = write_generation(Root.open(root.path), next_, vault.require("manifest"))
    with vault.transaction():
        put_published(vault, number, manifest)
        vault.put(_ADOPTING, "")
    publish(root, vault)
