"""Inputs that are nearly right: an example, and a few changes of it, at bytes, lines or cells."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

#: What people, programs and attackers put where it does not belong.
TOKENS = (
    *(b"", b"\t", b"\n", b"\r\n", b"\r", b"\0", b"\x1b[31m", b"\x7f", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"\xc3", b"\xed\xa0\x80", "\u202eø\u00a0".encode(), "\U0001f9ec".encode()),
    *(b"$(touch x)", b"`touch x`", b"; touch x", b"| touch x", b"&& touch x", b"{sample}", b"{0}"),
    *(
        b"../../x",
        b"/etc/passwd",
        b"/dev/zero",
        b"~",
        b"*",
        b"'",
        b'"',
        b"\\",
        b"%s%n",
        b"#",
        b"##",
    ),
    *(b"-1", b"0", b"1e400", b"nan", b"inf", b"2147483648", b"9223372036854775808"),
    *(b"9" * 400, b"9" * 5000),
    *(
        b"0x1f",
        b"1_000",
        "\u0661\u0662".encode(),
        b"01.5",
        b"true",
        b"null",
        b"[]",
        b"{}",
        b": &a *a",
    ),
    *(b"9999-12-31T23:59:59+14:00", b"0001-01-01T00:00:00Z", b"2024-03-31T02:30:00", b"24:00"),
    *(b"END=", b"END=1", b"END=99999999999", b"./.", b"0/1/2/3", b"<DEL>", b"*", b"N" * 3000),
    *(b"0101011234", b"x" * 100_000, b"\t" * 2000, b"\n" * 2000, b"!!python/object:os.system x"),
)

_places = st.integers(0, (1 << 16) - 1)
_change = st.tuples(
    st.sampled_from(("token", "token", "cell", "cell", "cut", "drop", "double", "swap", "byte")),
    _places,
    _places,
    st.sampled_from(TOKENS),
)


def nearly(examples: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of the examples with up to four changes; now and then bytes of any kind."""
    changed = st.builds(_changed, st.sampled_from(list(examples)), st.lists(_change, max_size=4))
    return st.one_of(changed, changed, changed, changed, changed, changed, st.binary(max_size=300))


def _changed(content: bytes, changes: list[tuple[str, int, int, bytes]]) -> bytes:
    for kind, first, second, token in changes:
        content = _one_change(content, kind, first, second, token)
    return content


def _one_change(content: bytes, kind: str, first: int, second: int, token: bytes) -> bytes:
    size = len(content) + 1
    at = first % size
    if kind == "token":
        return content[:at] + token + content[at + second % 5 :]
    if kind == "cut":
        return content[:at]
    if kind == "byte":
        return content[:at] + bytes([second % 256]) + content[at + 1 :]
    lines = content.split(b"\n")
    one, two = first % len(lines), second % len(lines)
    if kind == "cell":
        cells = lines[one].split(b"\t")
        cells[second % len(cells)] = token
        lines[one] = b"\t".join(cells)
    elif kind == "drop":
        del lines[one]
    elif kind == "double":
        lines.insert(two, lines[one])
    else:
        lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)
