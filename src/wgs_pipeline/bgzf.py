"""The block-gzip format of htslib."""

from __future__ import annotations

#: The empty block that ends every complete BGZF file (SAM specification, section 4.1.2).
BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
