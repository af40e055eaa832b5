"""CRAMs: prove that an alignment holds every read that went in."""

from __future__ import annotations

import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pysam

from wgs_pipeline.errors import AlignmentError

#: Secondary (0x100) and supplementary (0x800) records are not reads of their own.
_NOT_PRIMARY = "0x900"
_HASHED_BYTES = 8 << 20


def verify(cram: Path, reference: Path, sample: str, tally: Path | None) -> dict[str, object]:
    """Prove that a CRAM is complete and is what its sample and reference say.

    Args:
        cram: The alignment.
        reference: FASTA that it was made against.
        sample: Expected SM of every read group.
        tally: What ``wgs reads stream`` counted; None for a CRAM that was made elsewhere.

    Returns:
        Reads, read groups, and the MD5 and SHA-256 digests of the file.

    Raises:
        AlignmentError: The end-of-file block is missing, reads are missing, a read group is of
            another sample, or the header lacks the MD5 of the reference.
    """
    _quickcheck(cram)
    header = _header(cram)
    groups = header.get("RG", [])
    strangers = sorted({group.get("SM", "") for group in groups} - {sample})
    if strangers or not groups:
        raise AlignmentError(
            f"{cram}: its read groups are of {strangers or 'no sample'}; expected SM:{sample}. "
            "Correct the sample_id in the units sheet, or the read groups (samtools addreplacerg)"
        )
    without_md5 = [line["SN"] for line in header.get("SQ", []) if "M5" not in line]
    if without_md5:
        raise AlignmentError(
            f"{cram}: contig {without_md5[0]} has no M5 in the header; expected the MD5 of each "
            "reference sequence. Write the CRAM with samtools view -C and its reference"
        )
    reads = _count_reads(cram, reference)
    if tally is not None:
        expected = _expected_reads(tally)
        if reads != expected:
            raise AlignmentError(
                f"{cram}: holds {reads} reads; expected the {expected} of the FASTQ files. The "
                "alignment is incomplete: remove it and align the sample again"
            )
    return {
        "reads": reads,
        "read_groups": [group["ID"] for group in groups],
        **_digests(cram),
    }


def _expected_reads(tally: Path) -> int:
    try:
        return 2 * int(json.loads(tally.read_text(encoding="utf-8"))["pairs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AlignmentError(
            f"{tally}: is not a tally of reads ({error}); expected what wgs reads stream writes. "
            "Remove the alignment and align the sample again"
        ) from error


def _quickcheck(cram: Path) -> None:
    done = subprocess.run(
        ["samtools", "quickcheck", "-v", str(cram)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AlignmentError(
            f"{cram}: is truncated or is not a CRAM (samtools quickcheck: "
            f"{done.stderr.strip() or 'failed'}). Make it again"
        )


def _header(cram: Path) -> dict[str, list[dict[str, str]]]:
    with pysam.AlignmentFile(str(cram), check_sq=False) as file:
        header: dict[str, list[dict[str, str]]] = file.header.to_dict()
    return header


def _count_reads(cram: Path, reference: Path) -> int:
    """Primary records; only the FLAG column of the CRAM is decoded."""
    command = ["samtools", "view", "--count", "--exclude-flags", _NOT_PRIMARY]
    command += ["--input-fmt-option", "required_fields=0x2", "--reference", str(reference)]
    done = subprocess.run([*command, str(cram)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AlignmentError(f"{cram}: cannot be read: {done.stderr.strip()}")
    return int(done.stdout)


def _digests(path: Path) -> dict[str, str]:
    """MD5, as archives ask for it, and SHA-256, as provenance has it, in one pass."""
    digests = {name: hashlib.new(name) for name in ("md5", "sha256")}
    with path.open("rb", buffering=0) as file, ThreadPoolExecutor(len(digests)) as pool:
        while chunk := file.read(_HASHED_BYTES):
            for done in [pool.submit(digest.update, chunk) for digest in digests.values()]:
                done.result()
    return {name: digest.hexdigest() for name, digest in digests.items()}
