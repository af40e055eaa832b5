"""The consent register of a database, with the safeguards that its settings ask for."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from wgs_pipeline import audit
from wgs_pipeline.consent.safeguards import (
    RegisterPolicy,
    read_register,
    remember,
    require_recent,
    sizes_of,
    sizes_seen,
    stamps,
)
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault

if TYPE_CHECKING:
    from wgs_pipeline.consent.register import ConsentRegister


def read_consents(root: Root, vault: Vault) -> ConsentRegister:
    """The register as it is now, the opt-out list merged in.

    Raises:
        RegisterError: A file is missing, empty or too old, or has shrunk since the vault saw it.
        ProblemsError: Everything wrong with their lines.
    """
    return read_register(root.consents, root.optouts, _policy(root), memory=vault)


def register_stamps(root: Root) -> tuple[tuple[int, ...], ...] | None:
    """What changes whenever the register or list does; None where they may change unnoticed.

    Raises:
        RegisterError: One of them is too old by now.
    """
    require_recent((root.consents, root.optouts), _policy(root))
    return stamps(root.consents, root.optouts)


def seen(vault: Vault) -> str:
    """What the vault remembers of the largest register seen, as text."""
    return json.dumps(asdict(sizes_seen(vault)), sort_keys=True)


def _policy(root: Root) -> RegisterPolicy:
    settings = root.settings
    return RegisterPolicy(settings.register_max_age, settings.register_max_shrink)


def accept_register(root: Root, vault: Vault) -> str:
    """Take the register for whole although it has shrunk; says what it was and is. Logged.

    Raises:
        RegisterError: A file is missing or empty.
        ProblemsError: Everything wrong with their lines.
    """
    from wgs_pipeline.consent.register import ConsentRegister

    before = sizes_seen(vault)
    after = sizes_of(ConsentRegister.read(root.consents, optouts=root.optouts))
    said = (
        f"events {before.events} to {after.events}, "
        f"opted-out persons {before.optouts} to {after.optouts}"
    )
    entry = audit.Access("accept_register", reason=said)
    audit.append(root.audit, vault, entry, audit.system_user())
    remember(after, vault)
    return said
