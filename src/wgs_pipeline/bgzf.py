"""The block-gzip format of htslib, and what reading a broken one raises."""

from __future__ import annotations

import gzip
from typing import cast

from isal import igzip_lib

#: The empty block that ends every complete BGZF file (SAM specification, section 4.1.2).
BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")

_ISAL_ERROR = cast(type[Exception], igzip_lib.IsalError)
#: What ``isal`` raises on gzip that is truncated or damaged.
BROKEN_GZIP = (EOFError, gzip.BadGzipFile, _ISAL_ERROR)
