"""What the encryption of genome shards costs: `make bench-encryption`.

A simulated gVCF (seeded) is loaded; then the very tables of its shard are written and read again
by three ways in turn, on one core: Parquet as it is, Parquet with modular encryption (what shards
are), and Parquet in a Crypt4GH container, of which a reader decrypts all before it reads a part.
The least of the repeats is kept.
"""

from __future__ import annotations

import argparse
import io
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import crypt4gh.lib as crypt4gh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from nacl.public import PrivateKey

from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import FILES, Analysis
from wgs_pipeline.ngd.shard_columns import DICTIONARIES, STORED_CALLABLE, STORED_VARIANTS
from wgs_pipeline.ngd.shard_keys import WaitingKeys, decryption, encryption
from wgs_pipeline.ngd.shard_writer import _CALLABLE_ENCODING, _VARIANT_ENCODING, write_shard
from wgs_pipeline.vault import Vault

#: Ceiling of what encryption adds to a load.
MOST = 0.10
LENGTH = 200_000_000
_FILES = (
    (FILES[0], STORED_VARIANTS, _VARIANT_ENCODING),
    (FILES[1], STORED_CALLABLE, _CALLABLE_ENCODING),
)


def write_gvcf(path: Path, records: int) -> None:
    """Write a gVCF of reference blocks and, every fourth record, a variant."""
    rng = np.random.default_rng(1)
    starts = np.cumsum(rng.integers(2, 2 * LENGTH // records - 2, records)).tolist()
    bases = np.array(list("ACGT"))
    refs, shifts = rng.integers(0, 4, records), rng.integers(1, 4, records)
    depths, qualities = rng.poisson(32, records).tolist(), rng.integers(3, 99, records).tolist()
    alts = bases[(refs + shifts) % 4].tolist()
    refs_ = bases[refs].tolist()
    kinds = rng.choice(("0/1", "1/1"), records, p=(0.6, 0.4)).tolist()
    with path.open("wb") as out:
        packing = subprocess.Popen(["bgzip", "-c"], stdin=subprocess.PIPE, stdout=out)
        assert packing.stdin is not None
        with io.TextIOWrapper(packing.stdin, encoding="ascii") as text:
            text.write(f"##fileformat=VCFv4.2\n##contig=<ID=1,length={LENGTH + 1000}>\n")
            text.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n")
            for at, start in enumerate(starts[:-1]):
                depth, quality, ref = depths[at], qualities[at], refs_[at]
                if at % 4:
                    text.write(
                        f"1\t{start}\t.\t{ref}\t<NON_REF>\t.\t.\tEND={starts[at + 1] - 1}\t"
                        f"GT:DP:GQ:MIN_DP:PL\t0/0:{depth}:{quality}:{depth}:0,{quality},990\n"
                    )
                else:
                    half = depth // 2
                    text.write(
                        f"1\t{start}\t.\t{ref}\t{alts[at]},<NON_REF>\t600.6\t.\tDP={depth}\t"
                        f"GT:AD:DP:GQ:PL\t{kinds[at]}:{half},{depth - half},0:{depth}:{quality}:"
                        "990,0,990,990,990,990\n"
                    )
        assert packing.wait() == 0


def load(folder: Path, records: int) -> tuple[Root, str, float]:
    """Load the gVCF; its database, the shard, and CPU seconds of writing the shard."""
    gvcf, consents = folder / "s.g.vcf.gz", folder / "consents.tsv"
    write_gvcf(gvcf, records)
    (folder / "r.fai").write_text(f"1\t{LENGTH + 1000}\t0\t60\t61\n")
    moment = "2024-01-01T00:00:00+01:00"
    consents.write_text(
        "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
        f"someone\tanalysis\tgiven\t{moment}\t{moment}\tform\n"
    )
    initialise(folder / "ngd", Wanted(folder / "vault", consents, folder / "r.fai"))
    root = Root.open(folder / "ngd")
    before = time.process_time()
    digest = write_shard(root, gvcf, "S", Analysis("XX"))
    return root, digest, time.process_time() - before


class Ways:
    """The three ways, with the row groups of one shard."""

    def __init__(self, root: Root, digest: str, folder: Path) -> None:
        with Vault(root.vault) as vault:
            found = WaitingKeys(root, vault).shard_key(digest)
        assert found is not None
        self.key, self.folder, self.secret = found, folder, PrivateKey.generate()
        self.groups: dict[str, list[pa.Table]] = {}
        for name, _, _ in _FILES:
            texts = [each for each in DICTIONARIES if name == FILES[0]]
            with pq.ParquetFile(
                root.shard(digest) / name,
                decryption_properties=decryption(self.key, name),
                read_dictionary=texts,
            ) as file:
                count = file.metadata.num_row_groups
                self.groups[name] = [file.read_row_group(each) for each in range(count)]

    def write(self, way: str) -> None:
        """Write both files."""
        for name, schema, options in _FILES:
            secret = {"encryption_properties": encryption(self.key, name)}
            path = self.folder / f"{way}.{name}"
            with pq.ParquetWriter(
                path, schema, **options, **(secret if way == "modular" else {})
            ) as writer:
                for group in self.groups[name]:
                    writer.write_table(group.cast(schema))
            if way == "crypt4gh":
                container = path.with_suffix(".c4gh")
                keys = [(0, secrets.token_bytes(32), bytes(self.secret.public_key))]
                with path.open("rb") as source, container.open("wb") as target:
                    crypt4gh.encrypt(keys, source, target)

    def read(self, way: str, groups: int | None) -> None:
        """Read both files, or some row groups from the middle of each."""
        for name, _, _ in _FILES:
            path, source = self.folder / f"{way}.{name}", None
            if way == "crypt4gh":
                source = io.BytesIO()
                with path.with_suffix(".c4gh").open("rb") as container:
                    crypt4gh.decrypt([(0, bytes(self.secret), None)], container, source)
                source.seek(0)
            secret = decryption(self.key, name) if way == "modular" else None
            with pq.ParquetFile(
                source or path, page_checksum_verification=True, decryption_properties=secret
            ) as file:
                count = file.metadata.num_row_groups
                wanted = range(count) if groups is None else range(count // 2, count // 2 + groups)
                file.read_row_groups(list(wanted), use_threads=False)


def least(work: Callable[[str], Any], ways: tuple[str, ...], repeats: int) -> dict[str, float]:
    """Least CPU seconds of each way, taken in turn."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(repeats):
        for way in ways:
            before = time.process_time()
            work(way)
            best[way] = min(best[way], time.process_time() - before)
    return best


def rows(made: Ways, repeats: int) -> Iterator[tuple[str, dict[str, float]]]:
    """What is done, and CPU seconds of each way."""
    ways = ("plain", "modular", "crypt4gh")
    yield "write a shard", least(made.write, ways, repeats)
    yield "read it whole", least(lambda way: made.read(way, None), ways, repeats)
    yield "read one row group", least(lambda way: made.read(way, 1), ways, 10 * repeats)


def main() -> None:
    """Print a table, and stop with 1 where encryption costs more of a load than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=4_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        root, digest, loading = load(Path(name), arguments.records)
        made = Ways(root, digest, Path(name))
        size = sum((root.shard(digest) / each).stat().st_size for each in FILES)
        print(f"gVCF of {arguments.records} records to a shard of {size / 1e6:.1f} MB: ", end="")
        print(f"{loading:.2f} CPU s")
        print(f"{'CPU ms':<22}{'Parquet':>10}{'modular':>10}{'Crypt4GH':>10}")
        found = dict(rows(made, arguments.repeats))
    for what, taken in found.items():
        print(f"{what:<22}" + "".join(f"{seconds * 1e3:>10.1f}" for seconds in taken.values()))
    writing = found["write a shard"]
    more = {way: (writing[way] - writing["plain"]) / loading for way in ("modular", "crypt4gh")}
    print(f"of a load: modular {more['modular']:+.1%}, Crypt4GH {more['crypt4gh']:+.1%}")
    if more["modular"] > MOST:
        raise SystemExit(f"encryption costs more than {MOST:.0%} of a load")


if __name__ == "__main__":
    main()
