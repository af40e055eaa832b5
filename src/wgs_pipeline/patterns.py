"""Regular expressions that match a set of names and nothing else.

Snakemake tries the constraint of a wildcard on every file of a run. An alternation of 5,000 names
is walked from its first to its last; names that share their beginnings are found by their letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Letter to what may follow it; an empty key is the end of a name.
_Tree = dict[str, "_Tree"]

#: Matches nothing.
NOTHING = "(?!)"


def any_of(names: Iterable[str]) -> str:
    """A regular expression that matches exactly these names; none: it matches nothing."""
    tree: _Tree = {}
    for name in names:
        node = tree
        for letter in name:
            node = node.setdefault(letter, {})
        node[""] = {}
    return _expression(tree) if tree else NOTHING


def _expression(tree: _Tree) -> str:
    """What matches the rests of names below a node; "" where a name ends and none goes on."""
    start = ""
    while len(tree) == 1 and "" not in tree:  # one way to go on: no group, as names may be long
        ((letter, tree),) = tree.items()
        start += re.escape(letter)
    rests = {letter: _expression(below) for letter, below in tree.items() if letter}
    last = [re.escape(letter) for letter, rest in rests.items() if not rest]
    choices = [re.escape(letter) + rest for letter, rest in rests.items() if rest]
    choices += [f"[{''.join(last)}]" if len(last) > 1 else each for each in last[:1]]
    if not choices:
        return start
    optional = "?" if "" in tree else ""
    return f"{start}(?:{'|'.join(choices)}){optional}"
