"""Publishing a release."""

from __future__ import annotations

from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.ngd.eligibility import Eligibility
from wgs_pipeline.ngd.holdings import Shelf
from wgs_pipeline.ngd.home import require_home
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.released import Release, Released
from wgs_pipeline.vault import Vault


def publish(root: Root, vault: Vault) -> Release:
    """Publish a release of everyone whose consent allows research now, but for a few.

    Raises:
        NgdError: Too few persons are there, or have come since the last release.
        RegisterError: The consent register cannot be used.
    """
    require_home(root, vault)
    shelf = Shelf(root, vault)
    try:
        with shelf.pinned() as holdings:
            allowed = Eligibility(root, vault, Purpose.RESEARCH).allowed(holdings.generation.number)
            return Released(root, vault).publish(holdings, allowed)
    finally:
        shelf.close()
