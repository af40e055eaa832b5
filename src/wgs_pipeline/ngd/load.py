"""Loading one genome: shard, registration, commit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wgs_pipeline import audit
from wgs_pipeline.consent.decisions import may_analyse
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import ConsentError, GvcfError, NgdError
from wgs_pipeline.identifiers import canonical_patient_id, has_cpr_shape, is_safe_name
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.compact import compact, research_refusals
from wgs_pipeline.ngd.contig_calls import check_header
from wgs_pipeline.ngd.generation import pinned
from wgs_pipeline.ngd.gvcf_source import read_header
from wgs_pipeline.ngd.init import adopt_reference
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.parquet import read_where
from wgs_pipeline.ngd.reference import Reference, karyotype_of
from wgs_pipeline.ngd.registration import Identity, Registration, loading, register
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.ngd.shard_writer import Target, write_shard
from wgs_pipeline.vault import Outcome, Vault

#: How often a genome whose shard was swept before its commit is written again.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Request:
    """One genome to load.

    Attributes:
        sample_id: The sample.
        gvcf: Its gVCF.
        patient_id: The person.
        sex: female, male or unknown.
        assay: ``wgs``, or what a targeted analysis is called.
        target_bed: Bases that the assay aims at.
        reference: FASTA for left-alignment, in place of the database's.
        replace: Replace the loaded genome of the same person, sample and assay.
        karyotype: X and Y chromosomes as found, one of ``SEX_CHROMOSOMES``; None: as the sex says.
    """

    sample_id: str
    gvcf: Path
    patient_id: str
    sex: str
    assay: str = "wgs"
    target_bed: Path | None = None
    reference: Path | None = None
    replace: bool = False
    karyotype: str | None = None


@dataclass(frozen=True)
class Receipt:
    """What a load did.

    Attributes:
        sample: The sample.
        digest: Digest of its shard.
        slot: Its slot.
        generation: Generation in which it got its slot.
        plane: ``research`` or ``care_only``.
        already_loaded: Whether the same calls were loaded before.
    """

    sample: str
    digest: str
    slot: int
    generation: int
    plane: str
    already_loaded: bool


def load(path: Path, request: Request, signed_off: Sequence[SignedOff] = ()) -> Receipt:
    """Load one genome; a genome that is loaded already changes nothing.

    Args:
        path: The database.
        request: The genome.
        signed_off: What it is loaded in spite of; written to the access log.

    Raises:
        ConsentError: The person has not consented to analysis.
        GvcfError: The gVCF is malformed, truncated, or of another sample or reference.
        NgdError: Another gVCF of the same analysis is loaded, the sex or karyotype is none, or
            the database is damaged.
    """
    root = Root.open(path)
    with Vault(root.vault) as vault:
        try:
            _check(root, request)
            receipt = _loaded(root, vault, request)
            log_signed_off(root, vault, receipt, signed_off)
            return receipt
        except ConsentError as error:
            _log_refusal(root, vault, error)
            raise


def register_only(path: Path, request: Request) -> Registration:
    """Write the shard of one genome and leave its registration for the next commit.

    Needs no vault, so it runs on any node. A refusal is logged by the commit, not here.

    Raises:
        ConsentError: The person has not consented to analysis.
        GvcfError: The gVCF is malformed, truncated, or of another sample or reference.
        NgdError: The sex or karyotype is none, or the database has no reference yet.
    """
    root = Root.open(path)
    _check(root, request)
    root.reference()
    return _registered(root, request)


@dataclass(frozen=True)
class SignedOff:
    """A finding of quality control in spite of which a genome is loaded.

    Attributes:
        finding: The finding, in words.
        signed_by: Who answers for it.
        signed_at: When it was signed, ISO 8601.
        reason: Why.
    """

    finding: str
    signed_by: str
    signed_at: str
    reason: str


def settle(
    path: Path, sample_id: str, registration: str, signed_off: Sequence[SignedOff] = ()
) -> Receipt:
    """Fold in everything that waits, and say what became of one registration.

    Args:
        path: The database.
        sample_id: The sample that was registered.
        registration: Its id.
        signed_off: What it is loaded in spite of; written to the access log.

    Raises:
        ConsentError: The person has not consented to analysis.
        NgdError: Another gVCF of the same analysis is loaded, the shard or the registration is
            gone, or the database is damaged.
    """
    root = Root.open(path)
    with Vault(root.vault) as vault:
        try:
            receipt = _settled(root, vault, sample_id, registration)
            if receipt is not None:
                log_signed_off(root, vault, receipt, signed_off)
        except ConsentError as error:
            _log_refusal(root, vault, error)
            raise
    if receipt is None:
        raise NgdError(
            f"sample {sample_id} is not loaded: its registration or its shard is gone. Register "
            "it again"
        )
    return receipt


def read_target(bed: Path, reference: Reference) -> Target:
    """Target intervals by contig.

    Raises:
        ProblemsError: A line of the BED is malformed.
        NgdError: It names a contig that the reference lacks, or no interval at all.
    """
    from wgs_pipeline.reference import read_bed

    pairs: dict[str, list[tuple[int, int]]] = {}
    for each in read_bed(bed):
        if each.contig not in reference.contigs:
            raise NgdError(
                f"{bed}: contig {each.contig!r} is not in the reference; expected a target on the "
                "database's reference. Give the right BED"
            )
        pairs.setdefault(each.contig, []).append((each.start, each.end))
    if not pairs:
        raise NgdError(f"{bed}: no interval; expected the bases that the assay aims at")
    return Target({contig: Bases.of(each) for contig, each in pairs.items()})


def _check(root: Root, request: Request) -> None:
    if not is_safe_name(request.sample_id) or has_cpr_shape(request.sample_id):
        raise NgdError(
            "the sample_id is no safe name, or looks like a civil registration number; expected "
            "letters, digits, '.', '_' and '-'. Rename the sample"
        )
    karyotype_of(request.sex, request.karyotype)
    register_ = ConsentRegister.read(root.consents)
    person = canonical_patient_id(request.patient_id)
    if not may_analyse(register_, person, datetime.now(UTC)).allowed:
        raise ConsentError(
            f"sample {request.sample_id} is not loaded: no consent to analysis is in force. "
            "Register the consent, or leave the sample out"
        )


def log_signed_off(
    root: Root, vault: Vault, receipt: Receipt, signed_off: Sequence[SignedOff]
) -> None:
    """Log on whose word a genome was loaded; nothing where it was loaded already."""
    for each in () if receipt.already_loaded else signed_off:
        entry = audit.Access(
            "override",
            reason=f"{each.finding}; signed {each.signed_at}: {each.reason}"[:300],
            actor=each.signed_by,
            generation=receipt.generation,
            persons=1,
            slots=(receipt.slot,),
        )
        audit.append(root.audit, vault, entry, audit.system_user())


def _log_refusal(root: Root, vault: Vault, error: ConsentError) -> None:
    entry = audit.Access("load", decision="refused", reason=str(error)[:300])
    audit.append(root.audit, vault, entry, audit.system_user())


def _loaded(root: Root, vault: Vault, request: Request) -> Receipt:
    _ensure_reference(root, vault, request)
    for _ in range(_ATTEMPTS):
        registration = _registered(root, request)
        receipt = _settled(root, vault, request.sample_id, registration.id)
        if receipt is not None:
            return receipt
    raise _disappearing(root)


def _registered(root: Root, request: Request) -> Registration:
    target = None
    if request.target_bed is not None:
        target = read_target(request.target_bed, root.reference())
    karyotype = karyotype_of(request.sex, request.karyotype)
    analysis = Analysis(karyotype, request.assay, target.digest if target else "")
    fasta = request.reference or root.reference_fasta
    identity = Identity(request.patient_id, request.sample_id, request.replace)
    for _ in range(_ATTEMPTS):
        with loading(root):
            digest = write_shard(root, request.gvcf, request.sample_id, analysis, target, fasta)
            with suppress(FileNotFoundError):  # erased just now, of someone with the same calls
                return register(root, digest, analysis, identity)
    raise _disappearing(root)


def _disappearing(root: Root) -> NgdError:
    return NgdError(f"{root.path}: the genome's shard keeps disappearing; load it again")


def _settled(root: Root, vault: Vault, sample_id: str, registration: str) -> Receipt | None:
    """Commit, and what became of a registration; None where its shard had gone before that.

    A shard can be swept between writing and committing by a compaction; then it is written again.
    """
    commit(root, vault)
    outcome = vault.outcome(registration)
    if outcome is None or "its shard is missing" in outcome.reason:
        return None
    receipt = _receipt(root, sample_id, outcome)
    if not receipt.already_loaded:
        entry = audit.Access(
            "load", generation=receipt.generation, persons=1, slots=(receipt.slot,)
        )
        audit.append(root.audit, vault, entry, audit.system_user())
    if research_refusals(root, vault):
        compact(root, vault)
    return receipt


def _receipt(root: Root, sample_id: str, outcome: Outcome) -> Receipt:
    if outcome.slot is None or outcome.generation is None:
        kind = ConsentError if "consent" in outcome.reason else NgdError
        raise kind(f"sample {sample_id} is not loaded: {outcome.reason}")
    shard, plane = _shard_and_plane(root, outcome.slot)
    return Receipt(
        sample_id,
        shard,
        outcome.slot,
        outcome.generation,
        plane,
        outcome.outcome == "already_loaded",
    )


def _shard_and_plane(root: Root, slot: int) -> tuple[str, str]:
    """Of a slot in the current generation, of whose members only this one is made."""
    with pinned(root) as number:
        members = root.generation(number) / "members.parquet"
        found = read_where(members, (("slot", "=", slot),))
    if not found.num_rows:
        raise NgdError(f"slot {slot} was replaced while its load was finishing; nothing is lost")
    return str(found["shard"][0]), str(found["plane"][0])


def _ensure_reference(root: Root, vault: Vault, request: Request) -> None:
    """Take contigs from the first genome's header where init was given no reference."""
    if (root.path / "reference.json").exists():
        return
    header = read_header(request.gvcf)
    contigs = {name: length for name, length in header.contigs.items() if length is not None}
    if not contigs:
        raise GvcfError(
            f"{request.gvcf}: no contig lengths in its header, and the database has no reference "
            "yet; expected ##contig lines. Add them with bcftools reheader --fai"
        )
    reference = Reference.build(contigs)
    check_header(request.gvcf, header, request.sample_id, reference)
    adopt_reference(root, vault, reference)
