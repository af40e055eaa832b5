"""Tiny gVCFs and databases for the tests of the National Genome Database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.publishing import publish
from wgs_pipeline.ngd.released import Release
from wgs_pipeline.ngd.shard_keys import WaitingKeys
from wgs_pipeline.vault import Vault

CONTIGS = {"chr1": 60, "chrX": 60, "chrY": 40, "chrM": 20}
PAR = {"chrX": [(0, 20)], "chrY": [(0, 10)]}


def header(sample: str, contigs: dict[str, int] | None = None) -> str:
    lines = ["##fileformat=VCFv4.2"]
    lines += [f"##contig=<ID={n},length={size}>" for n, size in (contigs or CONTIGS).items()]
    types = {"GT": "String", "DP": "Integer", "GQ": "Integer"}
    lines += [f'##FORMAT=<ID={n},Number=1,Type={t},Description="">' for n, t in types.items()]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", sample]
    return "\n".join([*lines, "\t".join(columns)]) + "\n"


def write_gvcf(
    path: Path, sample: str, lines: Iterable[str], contigs: dict[str, int] | None = None
) -> Path:
    """Write records given as ``chrom pos ref alt filter info format sample``, space-separated."""
    text = header(sample, contigs)
    for line in lines:
        chrom, pos, ref, alt, filter_, info, format_, value = line.split(" ")
        text += "\t".join([chrom, pos, ".", ref, alt, ".", filter_, info, format_, value]) + "\n"
    path.write_text(text)
    return path


class Consents:
    """A consent register that grows; every event takes effect one second after the last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 0
        columns = ["patient_id", "scope", "decision", "effective_from", "recorded_at", "source"]
        path.write_text("\t".join(columns) + "\n")
        self.add("nobody-here", "analysis", "given")  # an empty register is refused

    def add(
        self,
        patient: str,
        scope: str,
        decision: str,
        effective: int | None = None,
        recorded: int | None = None,
    ) -> None:
        """Append an event; moments in seconds, both now if not given."""
        self.seconds += 1
        effective, recorded = (
            self.seconds if each is None else each for each in (effective, recorded)
        )
        moments = [_moment(effective), _moment(recorded)]
        with self.path.open("a") as file:
            file.write("\t".join([patient, scope, decision, *moments, "form"]) + "\n")


def _moment(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    return f"2024-01-01T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}+01:00"


def make_database(
    folder: Path,
    contigs: dict[str, int] | None = None,
    par_of: Mapping[str, Sequence[tuple[int, int]]] = MappingProxyType(PAR),
    **options: object,
) -> Path:
    """An empty database with its register; returns ROOT."""
    contigs = contigs or CONTIGS
    fai = folder / "reference.fa.fai"
    fai.write_text("".join(f"{name}\t{size}\t0\t60\t61\n" for name, size in contigs.items()))
    par = folder / "par.bed"
    par.write_text("".join(f"{c}\t{a}\t{b}\n" for c, runs in par_of.items() for a, b in runs))
    consents = folder / "consents.tsv"
    if not consents.exists():
        Consents(consents)
    wanted = Wanted(folder / "vault", consents, fai, par, **options)  # type: ignore[arg-type]
    initialise(folder / "ngd", wanted)
    return folder / "ngd"


class _VaultKeys:
    """Keys of all shards, whether or not a commit has taken them; the vault is opened each time."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def shard_key(self, shard: str) -> bytes | None:
        return self.shard_keys([shard]).get(shard)

    def shard_keys(self, shards: Iterable[str]) -> dict[str, bytes]:
        with Vault(self._root.vault) as vault:
            return WaitingKeys(self._root, vault).shard_keys(shards)


def unlocked(path: Path) -> Root:
    """A database whose shards can be read, also before they are committed."""
    root = Root.open(path)
    return root.unlocked(_VaultKeys(root))


def publish_release(root: Path) -> Release:
    """Publish a release of a database."""
    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        return publish(opened, vault)


def pass_over_slots(vault: Vault, first: int) -> None:
    """Let the next genome have this slot, as if those before it had been erased."""
    with vault.transaction():
        vault.forget([first - 1])
        vault.erasure_done()
