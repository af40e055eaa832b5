"""The access log: who used which data, when and why; a log that shows tampering.

One line of JSON per access or refusal, in one file per day below ``ROOT/audit``. A line holds the
SHA-256 of the line before it, so that an edit, deletion, insertion or change of order breaks the
chain, over the border of days too; and a code (HMAC) under a key of the vault, so that no one
without the vault can write a line. The vault keeps where the log ends, so that cutting lines or
days off the end is found as well. A line names slots and counts, never a person.
"""

from wgs_pipeline.audit.lines import GENESIS, Access, query_digest, system_user
from wgs_pipeline.audit.log import append
from wgs_pipeline.audit.reading import entries, head_hash
from wgs_pipeline.audit.verification import verify

__all__ = [
    "GENESIS",
    "Access",
    "append",
    "entries",
    "head_hash",
    "query_digest",
    "system_user",
    "verify",
]
