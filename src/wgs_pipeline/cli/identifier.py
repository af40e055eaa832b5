"""A patient's identifier, from the command line or from standard input."""

from __future__ import annotations

import sys

from wgs_pipeline.errors import WgsError


def read_identifier(given: str) -> str:
    """An identifier without surrounding space; the first line of standard input for ``-``.

    Standard input keeps it out of the list of processes and the shell's history. The answer may
    be empty: what that means is the command's.

    Raises:
        WgsError: Standard input is no UTF-8; what was read is not shown.
    """
    if given != "-":
        return given.strip()
    try:
        identifier = sys.stdin.readline().strip()
        identifier.encode()  # undecodable bytes come as surrogates in some locales
    except UnicodeError:
        raise WgsError(
            "the patient identifier on standard input is no UTF-8; expected text. Convert it"
        ) from None
    return identifier
