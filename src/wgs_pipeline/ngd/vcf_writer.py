"""VCF as text blocks: headers, and what compresses and indexes the blocks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from wgs_pipeline.errors import NgdError

COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
#: Longest contig that a .tbi index can hold, in bp.
_TBI_BP = 1 << 29


class VcfSink(Protocol):
    """Takes the text of a VCF, block by block; a last new line is added at the end."""

    def write(self, text: bytes) -> None:
        """Take a block."""

    def finish(self) -> None:
        """Complete and index the file."""

    def abandon(self) -> None:
        """Let go of the file, which is of no use."""


class BgzipVcf:
    """A .vcf.gz and its index."""

    def __init__(self, path: Path, contigs: Mapping[str, int]) -> None:
        from pysam import BGZFile

        self.path = path
        self._csi = max(contigs.values(), default=0) >= _TBI_BP
        self._file = BGZFile(str(path), "w1")

    def write(self, text: bytes) -> None:
        """Take a block."""
        self._file.write(text)

    def finish(self) -> None:
        """Complete and index the file."""
        import pysam

        self._file.write(b"\n")
        self._file.close()
        pysam.tabix_index(str(self.path), preset="vcf", force=True, csi=self._csi)

    def abandon(self) -> None:
        """Let go of the file, which is of no use."""
        self._file.close()


class Bcf:
    """A .bcf and its index, by bcftools."""

    def __init__(self, path: Path) -> None:
        self.path = path
        command = ["bcftools", "view", "--no-version", "-Ob", "-o", str(path), "-"]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        except FileNotFoundError:
            raise NgdError("bcftools is not installed; it writes BCF. Install it") from None

    def write(self, text: bytes) -> None:
        """Take a block."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(text)
        except BrokenPipeError:
            self._end()

    def finish(self) -> None:
        """Complete and index the file.

        Raises:
            NgdError: bcftools failed.
        """
        self.write(b"\n")
        self._end()
        self._checked(subprocess.run(
            ["bcftools", "index", "--csi", str(self.path)], capture_output=True, check=False
        ))  # fmt: skip

    def abandon(self) -> None:
        """Let go of the file, which is of no use."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()

    def _end(self) -> None:
        with suppress(BrokenPipeError):
            _, said = self._process.communicate()
            done = self._process.returncode
            self._checked(subprocess.CompletedProcess([], done, b"", said))

    def _checked(self, done: subprocess.CompletedProcess[bytes]) -> None:
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()[-300:]
            raise NgdError(f"{self.path.name}: bcftools failed: {said or done.returncode}")


def header(
    contigs: Mapping[str, int],
    lines: Iterable[str],
    samples: Sequence[str] = (),
) -> bytes:
    """Header of a VCF, without the new line at its end.

    Args:
        contigs: Name to length in bp.
        lines: Further ``##`` lines.
        samples: Names of the columns; none for sites only.
    """
    columns = [*COLUMNS, "FORMAT", *samples] if samples else [*COLUMNS]
    text = [
        "##fileformat=VCFv4.2",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        *(f"##contig=<ID={name},length={length}>" for name, length in contigs.items()),
        *lines,
        "\t".join(columns),
    ]
    return "\n".join(text).encode("utf-8")


def joined(texts: pa.Array | pa.ChunkedArray) -> bytes:
    """All texts, one after another."""
    if isinstance(texts, pa.ChunkedArray):
        return b"".join(joined(each) for each in texts.chunks)
    _, offsets, data = texts.cast(pa.large_string()).buffers()
    if data is None:
        return b""
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return bytes(data[int(ends[0]) : int(ends[-1])])


def field(kind: str, name: str, number: str, type_: str, description: str) -> str:
    """An INFO or FORMAT line of a header."""
    return f'##{kind}=<ID={name},Number={number},Type={type_},Description="{description}">'
