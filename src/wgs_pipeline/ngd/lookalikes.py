"""Genomes of the database that may be the same person as one that is to be loaded.

A genome's fingerprint is taken from its own shard when it is needed. So none is kept, and erasing
the shard erases it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline import audit
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.fingerprints import Fingerprint, Ints, Panel, snv_keys, snv_of
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.ngd.contig_calls import parse_contigs
from wgs_pipeline.ngd.eligibility import Eligibility
from wgs_pipeline.ngd.genotypes import HET, HOM
from wgs_pipeline.ngd.holdings import Shelf
from wgs_pipeline.ngd.home import require_home
from wgs_pipeline.ngd.intervals import Bases, union
from wgs_pipeline.ngd.layout import PLANES, Root
from wgs_pipeline.ngd.records import Rule
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.shard import read_callable, read_variants
from wgs_pipeline.ngd.shard_rows import Shard
from wgs_pipeline.ngd.snapshot import Snapshot
from wgs_pipeline.vault import Vault

#: SNVs of a genome that everyone in the database is asked for, and fewer than which say nothing.
MOST_ASKED, LEAST_ASKED = 1_000, 50
#: Share of them that somebody has with the same genotype to be looked at closely: nearly all of the
#: same person's, some 0.6 of a parent's or a sibling's, fewer of a stranger's.
ALIKE = 0.7
_SINGLE = "^[ACGT]$"


@dataclass(frozen=True)
class Candidate:
    """A genome of the database that is to be compared.

    Attributes:
        sample_id: Its sample.
        own: Whether it is the same patient's.
        fingerprint: What it carries.
    """

    sample_id: str
    own: bool
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Lookalikes:
    """What the database has to compare with.

    Attributes:
        genomes: Genomes that were asked; 0 where the one to be loaded has too few SNVs to ask by.
        candidates: Those of them that look alike, and all of the same patient.
    """

    genomes: int
    candidates: tuple[Candidate, ...]


def fingerprint_of_gvcf(
    gvcf: Path, sample_id: str, panel: Panel, contigs: Mapping[str, int], rule: Rule
) -> Fingerprint:
    """The fingerprint of a gVCF; SNVs that do not pass, and bases below the rule, are not examined.

    Args:
        gvcf: Single-sample gVCF.
        sample_id: Sample that its header must name.
        panel: Where.
        contigs: Name to length of every contig of the reference.
        rule: When a base counts as examined.

    Raises:
        GvcfError: The gVCF is malformed, truncated, or of another sample or reference.
    """
    reference = Reference.build(contigs)
    parsed = parse_contigs(gvcf, sample_id, reference, "unknown", rule, None, None)
    return _fingerprint(sample_id, panel, ((c.name, c.variants, c.callable) for c in parsed))


def lookalikes(
    path: Path, one: Fingerprint, panel: Panel, sample_id: str, patient_id: str
) -> Lookalikes:
    """Who in the database is to be compared with a genome; the question is logged.

    Whole genomes only: a panel or exome has too few of the places.

    Raises:
        NgdError: There is no database, or it is damaged.
        ConsentError: The consent register cannot be used.
    """
    root = Root.open(path)
    with Vault(root.vault) as vault:
        require_home(root, vault)
        root = root.unlocked(vault.keys)
        shelf = Shelf(root, vault)
        try:
            with shelf.pinned() as holdings:
                number = holdings.generation.number
                allowed = Eligibility(root, vault, Purpose.QUALITY).allowed(number)
                snapshot = Snapshot(holdings, PLANES, allowed)
                found = _candidates(root, vault, snapshot, one, panel, patient_id)
                slots = tuple(slot for slot, _ in found)
                entry = audit.Access(
                    "identity", purpose=str(Purpose.QUALITY), generation=number,
                    query=audit.query_digest(vault, {"sample": sample_id}),
                    persons=len(slots), slots=slots,
                )  # fmt: skip
                audit.append(root.audit, vault, entry, audit.system_user())
                genomes = int(_whole(snapshot).sum()) if len(one.keys) >= LEAST_ASKED else 0
                return Lookalikes(genomes, tuple(each for _, each in found))
        finally:
            shelf.close()


def _candidates(
    root: Root,
    vault: Vault,
    snapshot: Snapshot,
    one: Fingerprint,
    panel: Panel,
    patient_id: str,
) -> list[tuple[int, Candidate]]:
    roster = snapshot.holdings.roster
    whole = set(roster.slots[_whole(snapshot)].tolist())
    own = {each.slot for each in vault.genomes_of(canonical_patient_id(patient_id))}
    alike = set(np.flatnonzero(_shared(snapshot, one, panel) >= ALIKE).tolist())
    names = {slot: name for slot, name, *_ in vault.samples()} if whole else {}
    result = []
    for slot in sorted((alike | own) & whole):
        shard = snapshot.holdings.shard_of(slot)
        fingerprint = _of_shard(root, shard, names[slot], panel)
        result.append((slot, Candidate(names[slot], slot in own, fingerprint)))
    return result


def _whole(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Visible members whose whole genome was examined."""
    wgs = np.asarray(pc.equal(snapshot.holdings.roster.table["assay"], "wgs")).astype(np.bool_)
    return snapshot.visible & wgs


def _shared(snapshot: Snapshot, one: Fingerprint, panel: Panel) -> NDArray[np.float64]:
    """Share of a genome's SNVs that each slot has with the same genotype, shape (slots,)."""
    keys, dosages = one.keys, one.dosages
    size = snapshot.holdings.roster.highest + 1
    if len(keys) < LEAST_ASKED or not size:
        return np.zeros(max(size, 0))
    asked = np.unique(np.linspace(0, len(keys) - 1, MOST_ASKED).astype(np.int64))
    keys, dosages = keys[asked], dosages[asked]
    same = np.zeros(size)
    for contig, wanted in _by_contig(panel, keys):
        calls = snapshot.calls_of(contig, wanted)
        if not calls.num_rows:
            continue
        found = _keys(calls, panel.offsets[contig])
        expected = np.where(dosages[np.searchsorted(keys, found)] == 1, HET, HOM)
        equal = np.asarray(calls["kind"]) == expected
        same += np.bincount(np.asarray(calls["slot"])[equal].astype(np.int64), minlength=size)
    return same / len(keys)


def _by_contig(panel: Panel, keys: Ints) -> Iterator[tuple[str, set[tuple[int, str, str]]]]:
    """SNVs by contig: position (1-based), REF and ALT."""
    names = list(panel.offsets)
    firsts = np.array([panel.offsets[name] for name in names])
    places = np.searchsorted(firsts, keys // 16, side="right") - 1
    for place in np.unique(places):
        snvs = (snv_of(key) for key in keys[places == place].tolist())
        yield names[place], {(base - int(firsts[place]) + 1, ref, alt) for base, ref, alt in snvs}


def _of_shard(root: Root, shard: Shard, sample_id: str, panel: Panel) -> Fingerprint:
    columns = ["pos", "ref", "alt", "kind", "passed"]

    def parts() -> Iterator[tuple[str, pa.Table, Bases]]:
        for contig in panel.offsets:
            calls = read_variants(
                root, shard.digest, contig, columns=columns, description=shard.description
            )
            runs = read_callable(root, shard.digest, contig, description=shard.description)
            starts, ends = (np.asarray(runs[name]).astype(np.int64) for name in ("start", "end"))
            yield contig, calls, union(starts, ends)

    return _fingerprint(sample_id, panel, parts())


def _fingerprint(
    sample_id: str, panel: Panel, contigs: Iterable[tuple[str, pa.Table, Bases]]
) -> Fingerprint:
    keys, dosages, runs = [], [], []
    places = Bases(panel.starts, panel.ends)
    for contig, calls, callable_ in contigs:
        offset = panel.offsets.get(contig)
        if offset is None:
            continue
        bases = np.asarray(calls["pos"]).astype(np.int64) - 1 + offset
        examined = Bases(callable_.starts + offset, callable_.ends + offset).intersect(places)
        snv = _snvs(calls)
        others = np.unique(bases[~snv])
        examined = examined.minus(Bases(others, others + 1))
        kept = snv & examined.contains(bases)
        chosen = calls.filter(pa.array(kept))
        keys.append(_keys(chosen, offset))
        dosages.append(np.where(np.asarray(chosen["kind"]) == HET, 1, 2).astype(np.int8))
        runs.append(examined)
    order = np.argsort(np.concatenate(keys or [np.empty(0, np.int64)]), kind="stable")
    starts = np.concatenate([each.starts for each in runs] or [np.empty(0, np.int64)])
    ends = np.concatenate([each.ends for each in runs] or [np.empty(0, np.int64)])
    in_order = np.argsort(starts, kind="stable")
    return Fingerprint(
        sample_id,
        panel.digest,
        np.concatenate(keys or [np.empty(0, np.int64)])[order],
        np.concatenate(dosages or [np.empty(0, np.int8)])[order],
        starts[in_order],
        ends[in_order],
    )


def _snvs(calls: pa.Table) -> NDArray[np.bool_]:
    """Which calls are SNVs carried once or twice that pass."""
    single = pc.and_(
        pc.match_substring_regex(pc.cast(calls["ref"], pa.string()), _SINGLE),
        pc.match_substring_regex(pc.cast(calls["alt"], pa.string()), _SINGLE),
    )
    carried = pc.is_in(calls["kind"], value_set=pa.array([HET, HOM], pa.uint8()))
    usable = pc.and_(pc.and_(single, carried), calls["passed"])
    return np.asarray(usable).astype(np.bool_)


def _keys(calls: pa.Table, offset: int) -> Ints:
    bases = np.asarray(calls["pos"]).astype(np.int64) - 1 + offset
    return snv_keys(bases, _codes(calls["ref"]), _codes(calls["alt"]))


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Number of the base that stands in each cell: 0 to 3 for A, C, G, T."""
    text = pc.cast(column, pa.string())
    return np.asarray(pc.index_in(text, value_set=pa.array(list("ACGT")))).astype(np.int64)
