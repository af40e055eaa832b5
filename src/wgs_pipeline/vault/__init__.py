"""The vault: the only place that knows which slot of the database is which person.

A folder outside ROOT, mode 0700, on a local disk:

vault.sqlite     persons, genomes (slot, person, sample, assay), registrations that were folded
                 in, the published generation, releases, exports; wrapped under the master key:
                 the identity (what is sealed to its public key only this vault opens), the keys
                 of projects and of genome shards
master.key       the master key, where it is not kept elsewhere
audit.head       where the access log ends
commit.lock      lease of whoever commits
compact.lock     lease of whoever compacts or erases
erasure.json     who is being erased, until that is done
"""

from wgs_pipeline.vault.records import Genome, Holders, Outcome, PastExport, PastRelease
from wgs_pipeline.vault.sealing import seal
from wgs_pipeline.vault.store import Vault

__all__ = ["Genome", "Holders", "Outcome", "PastExport", "PastRelease", "Vault", "seal"]
