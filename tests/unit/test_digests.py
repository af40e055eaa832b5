"""Digests against hashlib over the whole file."""

from __future__ import annotations

import hashlib
import io
import os

import pytest

from wgs_pipeline.digests import DigestStore, HashingReader


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("taken", [0, 1, 999, 1000])
def test_a_reader_digests_the_whole_file_however_much_was_read(taken):
    content = os.urandom(1000)
    reader = HashingReader(io.BytesIO(content))
    assert reader.read(taken) == content[:taken]
    assert reader.hexdigest() == sha256(content)
    assert reader.read() == b""


def test_a_file_is_read_once_until_it_changes(tmp_path):
    path, kept = tmp_path / "callset.vcf.gz", tmp_path / "digests.json"
    path.write_bytes(b"one")
    store = DigestStore(kept)
    assert store.of(path) == sha256(b"one")
    assert store.of(tmp_path / "missing") is None
    store.write()
    before = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert DigestStore(kept).of(path) == sha256(b"one")  # the same size and time: not read
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert DigestStore(kept).of(path) == sha256(b"two")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": [1, 2]}'])
def test_a_store_that_is_none_is_empty(tmp_path, text):
    path = tmp_path / "a"
    path.write_bytes(b"content")
    (tmp_path / "digests.json").write_text(text)
    assert DigestStore(tmp_path / "digests.json").of(path) == sha256(b"content")
