"""Whether all lanes of a sample hold reads of one person.

Where every other lane of the sample shows nothing but the ALT allele, a lane of the same person
shows it too, but for errors of sequencing; of a stranger some third of the reads carry REF, of a
parent or a child some sixth. That asks no genotype of a lane, so that a few reads at each site are
enough.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pysam
from numpy.typing import NDArray

from wgs_pipeline.errors import AlignmentError
from wgs_pipeline.fingerprints import Panel
from wgs_pipeline.metrics.pipes import read_pipe
from wgs_pipeline.metrics.thresholds import Level
from wgs_pipeline.metrics.verdict import Findings, Reason

METRIC = "lane_concordance"
#: Share of a lane's reads that carry the allele of the others, below which it is another person's.
LEAST_CONCORDANCE = 0.95
#: Fewer sites, or fewer reads of the lane at them, say nothing.
LEAST_SITES, LEAST_READS = 30, 100
#: Reads of the other lanes, all of them with ALT, that make a site.
LEAST_OTHERS = 6
#: Windows of the panel that are read: alignments take longer than gVCFs.
MOST_WINDOWS = 2_000


@dataclass(frozen=True)
class Lane:
    """A lane held against the others of its sample.

    Attributes:
        read_group: Its read group.
        sites: Sites at which all other lanes show ALT alone.
        reads: Reads of the lane there.
        concordance: Share of them with ALT; NaN where there are none.
    """

    read_group: str
    sites: int
    reads: int
    concordance: float


def read_groups(cram: Path, fasta: Path) -> list[str]:
    """Read groups in the header of an alignment.

    Raises:
        AlignmentError: It cannot be read.
    """
    try:
        with pysam.AlignmentFile(str(cram), reference_filename=str(fasta)) as file:
            return [each["ID"] for each in file.header.to_dict().get("RG", [])]
    except (OSError, ValueError, KeyError) as error:
        raise AlignmentError(f"{cram}: its header cannot be read ({error})") from error


def count_alleles(
    cram: Path, fasta: Path, groups: Sequence[str], panel: Panel, qualities: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Reads with REF and with ALT of each read group at the SNVs that any of them shows.

    Args:
        cram: Indexed alignment.
        fasta: Its reference.
        groups: Read groups.
        panel: Where; of many windows some.
        qualities: Least mapping quality and least base quality (Phred).

    Returns:
        Two arrays of shape (sites, read groups).

    Raises:
        WgsError: bcftools refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        places, named = Path(folder, "places.bed"), Path(folder, "read_groups")
        places.write_text(_bed(panel), encoding="ascii")
        named.write_text("".join(f"{group} {group}\n" for group in groups), encoding="utf-8")
        mapping, base = map(str, qualities)
        pileup = [
            "bcftools", "mpileup", "--fasta-ref", str(fasta), "--regions-file", str(places),
            "--read-groups", str(named), "--min-MQ", mapping, "--min-BQ", base,
            # Base alignment quality guards single calls, at more than half of the time; here a
            # site counts by what all lanes show.
            "--no-BAQ", "--annotate", "FORMAT/AD", "--skip-indels", "-Ou", str(cram),
        ]  # fmt: skip
        call = ["bcftools", "call", "-m", "-v", "-Ou", "-"]
        snvs = ["bcftools", "view", "-m2", "-M2", "-v", "snps", "-s", ",".join(groups), "-Ou", "-"]
        text = read_pipe([pileup, call, snvs, ["bcftools", "query", "-f", "[%AD\\t]\\n", "-"]])
    if not text:
        none = np.zeros((0, len(groups)), np.int64)
        return none, none
    cells = text.replace(b"\t\n", b"\n").replace(b"\t", b",")
    table = pa.csv.read_csv(
        io.BytesIO(cells),
        pa.csv.ReadOptions(column_names=[str(n) for n in range(2 * len(groups))]),
        convert_options=pa.csv.ConvertOptions(null_values=["."]),
    )
    counts = np.stack([np.nan_to_num(np.asarray(column)) for column in table.columns], axis=1)
    return counts[:, 0::2].astype(np.int64), counts[:, 1::2].astype(np.int64)


def _bed(panel: Panel) -> str:
    """Some of the places of a panel as BED."""
    most = min(len(panel.starts), MOST_WINDOWS)
    chosen = np.linspace(0, len(panel.starts) - 1, most).astype(np.int64)
    starts, ends = panel.starts[chosen], panel.ends[chosen]
    lows = [*panel.offsets.values(), np.iinfo(np.int64).max]
    lines = []
    for place, name in enumerate(panel.offsets):
        low, high = lows[place], lows[place + 1]
        here = (ends > low) & (starts < high)
        first, last = np.maximum(starts[here], low) - low, np.minimum(ends[here], high) - low
        rows = zip(first.tolist(), last.tolist(), strict=True)
        lines += [f"{name}\t{start}\t{end}\n" for start, end in rows]
    return "".join(lines)


def compare_lanes(
    groups: Sequence[str], ref: NDArray[np.int64], alt: NDArray[np.int64]
) -> list[Lane]:
    """Hold each lane against all others.

    Args:
        groups: Read groups.
        ref: Reads with REF, shape (sites, read groups).
        alt: Reads with ALT, likewise.
    """
    lanes = []
    for place, group in enumerate(groups):
        others_ref = ref.sum(axis=1) - ref[:, place]
        others_alt = alt.sum(axis=1) - alt[:, place]
        sites = (others_ref == 0) & (others_alt >= LEAST_OTHERS)
        same, other = int(alt[sites, place].sum()), int(ref[sites, place].sum())
        share = same / (same + other) if same + other else float("nan")
        lanes.append(Lane(group, int(sites.sum()), same + other, share))
    return lanes


def judge_lanes(sample: str, lanes: Sequence[Lane]) -> dict[str, Any]:
    """The content of ``lanes.json``: what the verdict takes over, and each lane."""
    findings = Findings()
    few = [x for x in lanes if x.sites < LEAST_SITES or x.reads < LEAST_READS]
    for lane in lanes:
        if lane not in few and lane.concordance < LEAST_CONCORDANCE:
            rule = "hold where the reads of a lane are not of the other lanes' person"
            value = round(lane.concordance, 4)
            findings.reasons.append(
                Reason(METRIC, value, LEAST_CONCORDANCE, rule, Level.HOLD, lane.read_group)
            )
    if len(lanes) < 2:
        findings.not_judged.append((METRIC, "the sample has one lane"))
    elif few:
        worst = min(few, key=lambda lane: (lane.sites, lane.reads))
        why = (
            f"lane {worst.read_group} has {worst.reads:,} reads at {worst.sites:,} sites; "
            f"expected {LEAST_READS:,} at {LEAST_SITES:,}"
        )
        findings.not_judged.append((METRIC, why))
    elif not findings.reasons:
        findings.passed.append(METRIC)
    return {
        "sample": sample,
        "reasons": [reason.as_json() for reason in findings.reasons],
        "passed": findings.passed,
        "not_judged": findings.not_judged,
        "lanes": [
            {**asdict(lane), "concordance": None if lane.reads == 0 else round(lane.concordance, 4)}
            for lane in lanes
        ],
    }
