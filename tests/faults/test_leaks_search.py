"""The search for leaks finds what is planted, in every form and every kind of file."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import sqlite3
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest

from leaks import forms, leaks, searching, spellings

#: Made up.
NUMBER = "290364-1234"
PLAIN = "2903641234"


def gzipped(text):
    return gzip.compress(text.encode(), mtime=0)


@pytest.fixture(scope="module")
def search():
    return searching([NUMBER, "SYN-0001"])


def test_spellings():
    assert spellings(NUMBER) == spellings(PLAIN) == {PLAIN, NUMBER, "290364 1234", "290364_1234"}
    assert spellings("SYN-0001") == {"SYN-0001"}
    assert b"2903641234" in forms(NUMBER)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        NUMBER.encode("utf-16-le"),
        NUMBER.encode("utf-16-be"),
        NUMBER.encode().hex().encode(),
        *(
            base64.b64encode(b"x" * n + NUMBER.encode() + b"y" * m)
            for n in range(4)
            for m in (0, 2)
        ),
        base64.urlsafe_b64encode(b">>?" + PLAIN.encode()),
        (2903641234).to_bytes(8, "little"),
        hashlib.sha256(PLAIN.encode()).hexdigest().encode(),
        hashlib.sha256(NUMBER.encode()).hexdigest()[:16].encode(),
        hashlib.md5(f"{PLAIN}\n".encode()).digest(),
        hashlib.sha1(PLAIN.encode()).hexdigest().upper().encode(),
        base64.b64encode(hashlib.blake2b(NUMBER.encode()).digest()),
        base64.b32encode(hashlib.sha512(b"SYN-0001").digest()),
        b"SYN-0001",
    ],
)
def test_forms(search, content):
    assert search.find(b"before " + content + b" after")
    assert search.find(content)


def test_other_bytes(search):
    assert search.find(b"2903641235 290365-1234 SYN-0002 " * 1000) is None
    assert search.find(b"") is None


def test_kinds_of_files(tmp_path, search):
    text = f"before {NUMBER} after"
    (tmp_path / "plain.txt").write_text(text)
    (tmp_path / "members.gz").write_bytes(gzipped("nothing") + gzipped(text))
    (tmp_path / "cut.gz").write_bytes(gzipped(text + "x" * 9000)[:-8])
    with zipfile.ZipFile(tmp_path / "archive.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", text)
    column = pa.array([text, "other"] * 500).dictionary_encode()
    pq.write_table(pa.table({"a": column}), tmp_path / "a.parquet", compression="zstd")
    pq.write_table(pa.table({"n": [2903641234] * 9}), tmp_path / "n.parquet", compression="zstd")
    schema = pa.schema([pa.field("a", pa.int64(), metadata={"of": NUMBER})], {"by": "us"})
    pq.write_table(pa.table({"a": [1]}, schema), tmp_path / "m.parquet")
    with sqlite3.connect(tmp_path / "a.sqlite") as database:
        database.execute("CREATE TABLE t (a TEXT)")
        database.execute("INSERT INTO t VALUES (?)", (text,))
    header = pysam.AlignmentHeader.from_text(f"@HD\tVN:1.6\n@CO\t{text}\n")
    with pysam.AlignmentFile(str(tmp_path / "a.cram"), "wc", header=header):
        pass
    blob = base64.b64encode(gzipped(json.dumps({"a": text, "b": list(range(99))}))).decode()
    (tmp_path / "page.html").write_text(f"<script>x = '{blob}'</script>")
    (tmp_path / NUMBER).mkdir()
    (tmp_path / base64.urlsafe_b64encode(f"a/{NUMBER}".encode()).decode()).write_text("")
    found = {line.partition(": ")[0] for line in leaks(tmp_path, search)}
    assert found == {path.name for path in tmp_path.iterdir()}
