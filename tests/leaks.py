"""Looking for identifiers in everything that was written, in every form they may have there."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import io
import re
import sqlite3
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard_keys import WaitingKeys, decryption
from wgs_pipeline.vault import Vault

_HASHES = (
    *("md5", "sha1", "sha224", "sha256", "sha384", "sha512"),
    *("sha3_256", "blake2b", "blake2s"),
)
#: A shortened hash tells as much as a whole one: of each, this many bytes are looked for.
_HASH_BYTES = 8
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{64,}={0,2}")


def spellings(identifier: str) -> set[str]:
    """An identifier as people write it: a CPR number with and without hyphen and space."""
    plain = identifier.replace("-", "")
    if not re.fullmatch("[0-9]{10}", plain):
        return {identifier}
    return {plain, *(f"{plain[:6]}{gap}{plain[6:]}" for gap in "- _")}


def forms(identifier: str, hashed: bool = True) -> dict[bytes, str]:
    """Bytes that give an identifier away, each with what it is; all are at least 8 bytes long.

    Args:
        identifier: As a sheet has it.
        hashed: Also its hashes without a key, which whoever knows the identifier can make.
    """
    found: dict[bytes, str] = {}
    for text in spellings(identifier):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            found[text.encode(encoding)] = f"as {encoding}"
        for spelled in (text.encode(), text.encode("utf-16-le")):
            found[spelled.hex().encode()] = "in hexadecimal digits"
            found[spelled.hex().upper().encode()] = "in hexadecimal digits"
            for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
                for shift in range(3):
                    # Without the letters that share bits with what stands before and after.
                    whole = alphabet(bytes(shift) + spelled)
                    found[whole[-(-shift * 8 // 6) : (shift + len(spelled)) * 8 // 6]] = "as Base64"
        for end in ("", "\n") if hashed else ():
            found.update(_hashes(f"{text}{end}".encode()))
    plain = identifier.replace("-", "")
    if plain.isdecimal() and len(plain) == 10:
        found[struct.pack("<q", int(plain))] = found[struct.pack(">q", int(plain))] = "as a number"
    return {form: what for form, what in found.items() if len(form) >= 8}


def _hashes(text: bytes) -> dict[bytes, str]:
    found = {}
    for name in _HASHES:
        for keyed, digest in (
            (name, hashlib.new(name, text).digest()),
            (f"HMAC of no key, {name}", hmac.digest(b"", text, name)),
        ):
            start = digest[:_HASH_BYTES]
            found[start] = found[start.hex().encode()] = f"as {keyed}"
            found[start.hex().upper().encode()] = f"as {keyed}"
            found[base64.b64encode(digest)[:10]] = f"as {keyed}, Base64"
            found[base64.urlsafe_b64encode(digest)[:10]] = f"as {keyed}, Base64"
            found[base64.b32encode(digest)[:12]] = f"as {keyed}, Base32"
            found[base64.b32encode(digest)[:12].lower()] = f"as {keyed}, Base32"
    return found


class Search:
    """Looks for many forms at once in time that does not grow with their number."""

    def __init__(self, wanted: dict[bytes, str]) -> None:
        self._of_prefix: dict[bytes, list[bytes]] = {}
        self._what = wanted
        # For each place of the first six bytes, which pairs of bytes stand there in any form.
        self._pairs = np.zeros((3, 1 << 16), np.bool_)
        for form in wanted:
            self._of_prefix.setdefault(form[:6], []).append(form)
            for place, pair in enumerate(struct.unpack("<3H", form[:6])):
                self._pairs[place, pair] = True

    def find(self, content: bytes) -> str | None:
        """What stands in some bytes, None where nothing does."""
        data = np.frombuffer(content, np.uint8)
        if len(data) < 8:
            return None
        pairs = data[:-1] | (data[1:].astype(np.uint16) << 8)
        maybe = self._pairs[0][pairs[:-4]] & self._pairs[1][pairs[2:-2]] & self._pairs[2][pairs[4:]]
        for place in np.flatnonzero(maybe).tolist():
            for form in self._of_prefix.get(content[place : place + 6], ()):
                if content.startswith(form, place):
                    return self._what[form]
        return None


def leaks(folder: Path, search: Search, reference: Path | None = None) -> list[str]:
    """Every file below a folder that gives something away, and how.

    Args:
        folder: Looked through with all below it.
        search: What is looked for.
        reference: FASTA that CRAMs were made with.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        where = search.find(name.encode()) or search.find(_decoded_name(path.name))
        if where:
            found.append(f"{name}: its name, {where}")
        if path.is_file():
            for kind, content in contents(path, reference):
                what = search.find(content)
                if what:
                    found.append(f"{name}: {kind}, {what}")
    return found


def contents(path: Path, reference: Path | None = None) -> Iterator[tuple[str, bytes]]:
    """The bytes of a file, and all that it holds in compressed form."""
    content = path.read_bytes()
    yield "its bytes", content
    if content[:2] == b"\x1f\x8b":
        yield "decompressed", gunzipped(content)
    elif content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield f"member {member}", archive.read(member)
    elif content[:4] == b"PAR1":
        yield "its columns", parquet_text(path)
    elif content.startswith(b"SQLite format 3\0"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            yield "its rows", "\n".join(database.iterdump()).encode()
    elif content[:4] == b"CRAM":
        command = ["samtools", "view", "-h", *(["-T", reference] if reference else []), path]
        yield "its records", subprocess.run(command, check=True, capture_output=True).stdout
    elif path.suffix in (".html", ".json"):
        yield from _embedded(content)


def gunzipped(content: bytes) -> bytes:
    """All members of a gzip file; what can be had of one that is cut off."""
    pieces = []
    while content[:2] == b"\x1f\x8b":
        inflate = zlib.decompressobj(31)
        try:
            pieces.append(inflate.decompress(content))
        except zlib.error:
            break
        content = inflate.unused_data
    return b"".join(pieces)


def parquet_text(path: Path) -> bytes:
    """Names, metadata and every value of a Parquet file, binary ones as they are.

    A file of a genome shard is decrypted with the key that the vault of its database has.
    """
    with pq.ParquetFile(path, decryption_properties=decryption_of(path)) as file:
        table = file.read()
        pieces = [repr(table.schema).encode(), repr(file.metadata.metadata).encode()]
    for column in table.columns:
        for chunk in column.chunks:
            for buffer in chunk.buffers():
                if buffer is not None:
                    pieces.append(buffer.to_pybytes())
        pieces.append("\n".join(map(str, column.unique().to_pylist())).encode())
    return b"\n".join(pieces)


def decryption_of(path: Path) -> Any:
    """How Arrow decrypts a file of a genome shard; None for any other Parquet file."""
    if path.parts[-4] != "shards":
        return None
    root = Root.open(path.parents[3])
    with Vault(root.vault) as vault:
        key = WaitingKeys(root, vault).shard_key(path.parent.name)
    assert key is not None
    return decryption(key, path.name)


def _embedded(content: bytes) -> Iterator[tuple[str, bytes]]:
    """What a page carries within itself, as Base64, perhaps compressed."""
    for run in _BASE64.findall(content):
        try:
            inner = base64.b64decode(run + b"=" * (-len(run) % 4))
        except binascii.Error:
            continue
        yield "embedded", gunzipped(inner) if inner[:2] == b"\x1f\x8b" else inner


def _decoded_name(name: str) -> bytes:
    """A file name as Snakemake writes some: a path in Base64."""
    try:
        return base64.urlsafe_b64decode(name)
    except (binascii.Error, ValueError):
        return b""


def searching(identifiers: Iterable[str], hashed: bool = True) -> Search:
    """A search for identifiers in all their forms."""
    wanted: dict[bytes, str] = {}
    for identifier in identifiers:
        wanted |= forms(identifier, hashed)
    return Search(wanted)
