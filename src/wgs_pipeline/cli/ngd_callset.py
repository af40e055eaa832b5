"""``wgs ngd load --callset``: every sample of a multi-sample VCF at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click


def load(
    root: Path,
    callset: Path,
    samples: Path | None,
    options: Mapping[str, Any],
    receipt: Path | None,
    single: Mapping[str, Any],
) -> None:
    """Load a callset, and say what was done.

    Args:
        root: The database.
        callset: Multi-sample VCF or BCF.
        samples: Sample sheet.
        options: assay, target_bed, reference and replace of ``CallsetRequest``.
        receipt: JSON file that says what was done.
        single: Options that belong to a single gVCF, and must not be given.
    """
    from wgs_pipeline.files import write_json
    from wgs_pipeline.ngd.callset import CallsetRequest, load_callset

    given = [name for name, value in single.items() if value is not None]
    if given:
        raise click.UsageError(f"--{', --'.join(given)} cannot be given with --callset")
    if samples is None:
        raise click.UsageError("--callset needs --samples")
    done = load_callset(root, CallsetRequest(callset, samples, **options))
    if receipt is not None:
        write_json(receipt, {"callset": callset.name, **asdict(done)})
    left_out = f"; {done.without_consent} left out without consent" if done.without_consent else ""
    click.echo(
        f"{callset.name}: {done.loaded} samples loaded, {done.already_loaded} loaded already"
        f"{left_out} (generation {done.generation})",
        err=True,
    )
