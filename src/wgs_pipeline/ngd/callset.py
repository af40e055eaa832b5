"""Loading the samples of a multi-sample VCF or BCF: all become visible at once, or none."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import numpy as np

from wgs_pipeline import audit
from wgs_pipeline.consent.decisions import may_analyse
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import ConsentError, GvcfError, NgdError
from wgs_pipeline.ngd.callset_records import RecordParser
from wgs_pipeline.ngd.callset_source import CallsetHeader, blocks, read_callset_header
from wgs_pipeline.ngd.callset_spill import SampleCalls, spill
from wgs_pipeline.ngd.commit import NOT_ALONE, commit
from wgs_pipeline.ngd.compact import compact, research_refusals
from wgs_pipeline.ngd.init import adopt_reference
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import read_target
from wgs_pipeline.ngd.records import Rule
from wgs_pipeline.ngd.reference import Reference, karyotype_of
from wgs_pipeline.ngd.registration import Identity, Registration, loading, register_all
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.ngd.shard_writer import Target, write_contigs
from wgs_pipeline.sheets import Sample, read_samples
from wgs_pipeline.vault import Outcome, Vault

#: A shard can be swept between writing and committing only by a compaction; then write it again.
_ATTEMPTS = 3
_SHOWN_NAMES = 10


@dataclass(frozen=True)
class CallsetRequest:
    """A callset to load.

    Attributes:
        callset: Multi-sample VCF or BCF.
        samples: Sample sheet: whose sample each is, and the sex.
        assay: ``wgs``, or what a targeted analysis is called.
        target_bed: Bases that the assay aims at.
        reference: FASTA for left-alignment, in place of the database's.
        replace: Replace loaded genomes of the same persons, samples and assay.
    """

    callset: Path
    samples: Path
    assay: str = "wgs"
    target_bed: Path | None = None
    reference: Path | None = None
    replace: bool = False


@dataclass(frozen=True)
class CallsetReceipt:
    """What loading a callset did.

    Attributes:
        loaded: Genomes that were added, or replaced another.
        already_loaded: Genomes whose same calls were loaded before.
        without_consent: Samples left out, since no consent to analysis is in force.
        generation: Generation that holds them all.
    """

    loaded: int
    already_loaded: int
    without_consent: int
    generation: int


def load_callset(path: Path, request: CallsetRequest) -> CallsetReceipt:
    """Load every sample of a callset whose person consents to analysis.

    All of them become visible in one generation, or none; what is loaded already changes nothing.

    Raises:
        ConsentError: Nobody in the callset has consented to analysis.
        GvcfError: The callset is malformed, truncated, or of another reference.
        NgdError: Callset and sheet do not name the same samples, other calls of one of them are
            loaded, or the database is damaged.
        ProblemsError: The sheet or the BED is malformed.
    """
    root = Root.open(path)
    with Vault(root.vault) as vault:
        try:
            return _loaded(root, vault, request)
        except ConsentError as error:
            entry = audit.Access("load", decision="refused", reason=str(error)[:300])
            audit.append(root.audit, vault, entry, audit.system_user())
            raise


def _loaded(root: Root, vault: Vault, request: CallsetRequest) -> CallsetReceipt:
    header = read_callset_header(request.callset)
    samples, without_consent = _consenting(root, request, header)
    reference = _reference(root, request, header)
    for _ in range(_ATTEMPTS):
        with loading(root):
            registrations = _write(root, vault, request, header, samples, reference)
        generation = commit(root, vault)
        outcomes = [_outcome(vault, each) for each in registrations]
        if not any("its shard is missing" in each.reason for each in outcomes):
            break
    else:
        raise NgdError(f"{root.path}: the callset's shards keep disappearing; load it again")
    receipt = _receipt(samples, outcomes, without_consent, generation)
    if receipt.loaded:
        slots = tuple(
            each.slot
            for each in outcomes
            if each.slot is not None and each.outcome != "already_loaded"
        )
        entry = audit.Access("load", generation=generation, persons=len(slots), slots=slots)
        audit.append(root.audit, vault, entry, audit.system_user())
    if research_refusals(root, vault):
        compact(root, vault)
    return receipt


def _consenting(
    root: Root, request: CallsetRequest, header: CallsetHeader
) -> tuple[list[Sample], int]:
    """Samples to load in the order of their columns, and how many lack consent.

    Raises:
        NgdError: Callset and sheet do not name the same samples.
        ConsentError: Nobody's consent to analysis is in force.
    """
    rows = {row.sample_id: row for row in read_samples(request.samples)}
    register = ConsentRegister.read(root.consents)
    now = datetime.now(UTC)
    allowed = {
        name for name, row in rows.items() if may_analyse(register, row.patient_id, now).allowed
    }
    present = set(header.samples)
    problems = [
        f"{request.callset}: {_named(found)} not in {where}; expected a row, or a column, for "
        f"each sample with consent. {remedy}"
        for found, where, remedy in (
            (
                [name for name in header.samples if name not in rows],
                request.samples.name,
                "Add them to the sheet, or take them out of the callset with bcftools view",
            ),
            (
                [name for name in rows if name in allowed and name not in present],
                "the callset",
                "Take them out of the sheet, or give the right callset",
            ),
        )
        if found
    ]
    if problems:
        raise NgdError("\n".join(problems))
    chosen = [rows[name] for name in header.samples if name in allowed]
    if not chosen:
        raise ConsentError(
            f"{request.callset} is not loaded: no consent to analysis is in force for any of its "
            f"{len(header.samples)} samples. Register the consents"
        )
    return chosen, len(header.samples) - len(chosen)


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN_NAMES])
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return f"sample {shown} is" if len(names) == 1 else f"samples {shown}{more} are"


def _reference(root: Root, request: CallsetRequest, header: CallsetHeader) -> Reference:
    """The database's reference; that of the header where it has none yet.

    Raises:
        GvcfError: The header names no contigs, or gives one another length.
    """
    callset = request.callset
    contigs = {name: length for name, length in header.contigs.items() if length is not None}
    if not (root.path / "reference.json").exists():
        if not contigs:
            raise GvcfError(
                f"{callset}: no contig lengths in its header, and the database has no reference "
                "yet; expected ##contig lines. Add them with bcftools reheader --fai"
            )
        return Reference.build(contigs)
    reference = root.reference()
    if not header.contigs:
        raise GvcfError(
            f"{callset}: no ##contig lines, so its reference is unknown; expected them. "
            "Add them with bcftools reheader --fai"
        )
    for name, length in contigs.items():
        if reference.contigs.get(name, length) != length:
            raise GvcfError(
                f"{callset}: contig {name} of {length} bp, where the reference of this database "
                f"has {reference.contigs[name]} bp: called against another reference. Call it "
                "again against the database's reference"
            )
    return reference


def _write(
    root: Root,
    vault: Vault,
    request: CallsetRequest,
    header: CallsetHeader,
    samples: Sequence[Sample],
    reference: Reference,
) -> list[Registration]:
    """Write a shard per sample, then register all of them in one file."""
    target = None if request.target_bed is None else read_target(request.target_bed, reference)
    fasta = request.reference or root.reference_fasta
    karyotypes = [karyotype_of(sample.sex) for sample in samples]
    with _scratch(root) as folder:
        calls = _read(root, request, header, samples, reference, target, folder)
        adopt_reference(root, vault, reference)
        if root.reference().contigs != reference.contigs:
            raise NgdError(f"{root.path}: it got another reference meanwhile; load again")
        entries = []
        for index, (sample, karyotype) in enumerate(zip(samples, karyotypes, strict=True)):
            analysis = Analysis(karyotype, request.assay, target.digest if target else "")
            contigs = calls.of(index, karyotype)
            digest = write_contigs(root, contigs, analysis, left_aligned=fasta is not None)
            identity = Identity(sample.patient_id, sample.sample_id, request.replace)
            entries.append((digest, analysis, identity))
    return register_all(root, entries)


def _read(
    root: Root,
    request: CallsetRequest,
    header: CallsetHeader,
    samples: Sequence[Sample],
    reference: Reference,
    target: Target | None,
    folder: Path,
) -> SampleCalls:
    """Read the whole callset before anything is written for the database."""
    column = {name: at for at, name in enumerate(header.samples)}
    parser = RecordParser(
        request.callset,
        header,
        reference,
        [karyotype_of(sample.sex) for sample in samples],
        np.array([column[sample.sample_id] for sample in samples]),
        Rule(root.settings.min_dp, root.settings.min_gq),
    )
    records = chain.from_iterable(map(parser.parse, blocks(request.callset)))
    fasta = request.reference or root.reference_fasta
    contigs = spill(request.callset, records, len(samples), reference, fasta, folder)
    parser.check()
    return SampleCalls(
        contigs, tuple(parser.texts), reference, None if target is None else target.bases
    )


@contextmanager
def _scratch(root: Root) -> Iterator[Path]:
    """A folder beside the shards for what is neither theirs nor anyone's; swept if left behind."""
    folder = root.path / "shards" / f".tmp-{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise NgdError(f"{root.path}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _outcome(vault: Vault, registration: Registration) -> Outcome:
    found = vault.outcome(registration.id)
    if found is None:
        raise NgdError(f"{vault.path}: a registration has no outcome; load the callset again")
    return found


def _receipt(
    samples: Iterable[Sample], outcomes: Sequence[Outcome], without_consent: int, generation: int
) -> CallsetReceipt:
    """What became of the samples.

    Raises:
        NgdError: The commit refused them; names the samples at fault.
    """
    withdrawn = sum("no consent" in each.reason for each in outcomes)
    refused = [
        f"sample {sample.sample_id}: {outcome.reason}"
        for sample, outcome in zip(samples, outcomes, strict=True)
        if outcome.slot is None and "no consent" not in outcome.reason
    ]
    if refused:
        own = [line for line in refused if NOT_ALONE not in line] or refused
        more = f"\nand {len(own) - _SHOWN_NAMES} more" if len(own) > _SHOWN_NAMES else ""
        raise NgdError("nothing of the callset is loaded: " + "\n".join(own[:_SHOWN_NAMES]) + more)
    already = sum(each.outcome == "already_loaded" for each in outcomes)
    loaded = len(outcomes) - already - withdrawn
    return CallsetReceipt(loaded, already, without_consent + withdrawn, generation)
