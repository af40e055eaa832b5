"""A simulated scenario as the files that ``wgs plan`` reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from wgs_pipeline.files import write_text
from wgs_pipeline.planning.capacity import Capacity
from wgs_pipeline.planning.referrals import Referral
from wgs_pipeline.planning.tables import as_tsv

_CONFIG = """\
samples: samples.tsv
units: units.tsv
consents: consents.tsv
results: results
reference: {build: toy, fasta: reference.fa}
ngd: {root: ngd, vault: vault}
planning: {referrals: referrals.tsv, capacity: capacity.yaml}
"""
_CONSENT = "2020-01-01T00:00:00Z"


def write_project(
    folder: Path,
    referrals: Sequence[Referral],
    capacity: Capacity,
    refused: Iterable[str] = (),
) -> Path:
    """Write configuration, consents, referrals and capacity; the path of the configuration.

    Args:
        folder: Where to; made where missing.
        referrals: The referrals, in the order of the sheet.
        capacity: Sites and rules.
        refused: Patients who have refused analysis; all others have consented.
    """
    nobody = set(refused)
    consents = [
        {
            "patient_id": patient,
            "scope": "analysis",
            "decision": "refused" if patient in nobody else "given",
            "effective_from": _CONSENT,
            "recorded_at": _CONSENT,
            "source": "simulated",
        }
        for patient in dict.fromkeys(referral.patient_id for referral in referrals)
    ]
    write_text(folder / "consents.tsv", as_tsv(list(consents[0]), consents))
    rows = [_row(referral) for referral in referrals]
    write_text(folder / "referrals.tsv", as_tsv(list(rows[0]), rows))
    write_text(folder / "capacity.yaml", yaml.safe_dump(_capacity(capacity), sort_keys=False))
    write_text(
        folder / "samples.tsv", "sample_id\tpatient_id\tsex\nearlier-1\tearlier-1\tunknown\n"
    )
    write_text(folder / "units.tsv", "sample_id\tcram\nearlier-1\tearlier-1.cram\n")
    write_text(folder / "config.yaml", _CONFIG)
    return folder / "config.yaml"


def _row(referral: Referral) -> dict[str, str]:
    return {
        "patient_id": referral.patient_id,
        "sample_ids": ",".join(referral.sample_ids),
        "materials": ",".join(referral.materials),
        "family_id": referral.family_id,
        "region": referral.region,
        "patient_group": referral.patient_group,
        "urgency": referral.urgency,
        "referred_at": referral.referred.isoformat(),
        "due_by": referral.due.isoformat() if referral.due else "",
    }


def _capacity(capacity: Capacity) -> dict[str, Any]:
    return {
        "horizon_weeks": capacity.horizon_weeks,
        "freeze_weeks": capacity.freeze_weeks,
        "sites": {
            site.name: {
                "flowcells_per_week": site.flowcells_per_week,
                "lanes_per_flowcell": 1,
                "genomes_per_lane": site.flowcell_places,
                "changes": [
                    {"from": first, "to": last, "flowcells_per_week": count}
                    for first, last, count in site.changes
                ],
            }
            for site in capacity.sites
        },
        "transport_days": {region: dict(to) for region, to in capacity.transport_days.items()},
        "compute": {
            "core_hours_per_genome": capacity.core_hours_per_genome,
            "core_hours_per_week": capacity.core_hours_per_week,
        },
        "resequencing": {
            "failure_rate": capacity.failure_rate,
            "turnaround_weeks": capacity.turnaround_weeks,
        },
    }
