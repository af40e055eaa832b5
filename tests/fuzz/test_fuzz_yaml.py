"""YAML that costs more than its size, or is more than values: refused at once by every reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from wgs_pipeline.config import parse_config
from wgs_pipeline.errors import ConfigError
from wgs_pipeline.governance.settings import read_settings
from wgs_pipeline.ngd.projects import read_project

_LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)
BOMBS = {
    "aliases that multiply": _LAUGHS + "duo: *a8\n",
    "a list within itself": "a: &a [*a]\n",
    "an object within itself": "a: &a\n  b: *a\n",
    "lists within lists": "a: " + "[" * 5000 + "]" * 5000 + "\n",
    "objects within objects": "".join(" " * depth + "a:\n" for depth in range(3000)),
    "a number of thousands of digits": "samples: " + "9" * 5000 + "\n",
    "no date": "valid_from: !!timestamp 2024-13-45\n",
    "a program": "a: !!python/object/apply:os.system [touch x]\n",
    "megabytes": "a: " + "x" * 5_000_000 + "\n",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("read", [parse_config, read_project, read_settings])
@pytest.mark.parametrize("bomb", BOMBS)
def test_it_is_refused_in_one_line(tmp_path: Path, monkeypatch, bomb: str, read):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "input.yaml"
    path.write_text(BOMBS[bomb])
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 1000
    assert [each.name for each in tmp_path.iterdir()] == ["input.yaml"]
