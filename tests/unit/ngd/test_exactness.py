"""AC and AN against brute force: random histories, every base, every variant.

Each seed is one history of a database: genomes are loaded alone and in batches, replaced, refused
and loaded twice; consents come, go, and come late; tiers are merged. ``HYPOTHESIS_PROFILE=long``
runs more histories than the gate has time for; a history that fails tells what happened in it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ngd_history import History

#: Histories of the gate, and of HYPOTHESIS_PROFILE=long.
HISTORIES = {"ci": 45, "long": 1_200}[os.environ.get("HYPOTHESIS_PROFILE", "ci")]


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_any_history_counts_as_brute_force_does(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path, seed)
    try:
        often = history.rng.random() < 0.5  # then it is looked at after every step
        for _ in range(history.rng.randint(3, 12)):
            history.step()
            if often:
                history.check()
        history.check_whole()
    except Exception as error:
        error.add_note(f"seed {seed}: {', '.join(history.told)}")
        raise
    finally:
        history.close()
