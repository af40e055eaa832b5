"""The folder of an export is there as a whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from wgs_pipeline.errors import OutputError
from wgs_pipeline.ngd import export_folder
from wgs_pipeline.ngd.export_folder import FORMAT, building, earlier_export, put_in_place


def _fill(folder: Path, project: str, text: str) -> None:
    (folder / "manifest.json").write_text(
        json.dumps({"format": FORMAT, "project": {"id": project}})
    )
    (folder / "sub").mkdir()
    (folder / "sub" / "data").write_text(text)


def _make(target: Path, text: str) -> None:
    with building(target) as folder:
        _fill(folder, "p", text)
        put_in_place(folder, target)


def _fail(target: Path) -> None:
    with building(target) as folder:
        (folder / "half").write_text("half")
        raise OSError(28, "No space left on device")


def test_a_folder_appears_whole_and_is_replaced_whole(tmp_path: Path):
    target = tmp_path / "new" / "out"
    _make(target, "one")
    inode = target.stat().st_ino
    assert (target / "sub" / "data").read_text() == "one"
    _make(target, "two")
    assert (target / "sub" / "data").read_text() == "two"
    assert target.stat().st_ino != inode
    assert [each.name for each in target.parent.iterdir()] == ["out"]
    assert target.stat().st_mode & 0o777 == 0o700
    assert (target / "sub" / "data").stat().st_mode & 0o777 == 0o600


def test_without_the_exchange_of_names_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _make(tmp_path / "out", "one")
    monkeypatch.setattr(export_folder.ctypes, "CDLL", lambda *_, **__: object())
    _make(tmp_path / "out", "two")
    assert (tmp_path / "out" / "sub" / "data").read_text() == "two"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_what_fails_leaves_what_was_there(tmp_path: Path):
    _make(tmp_path / "out", "one")
    with pytest.raises(OutputError, match="No space"):
        _fail(tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "sub" / "data").read_text() == "one"


def test_what_a_killed_process_left_goes_and_what_a_living_one_builds_stays(tmp_path: Path):
    dead = tmp_path / ".out.0123456789abcdef.tmp"
    (dead / "sub").mkdir(parents=True)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from wgs_pipeline.ngd.export_folder import building\n"
        "with building(Path(sys.argv[1])) as folder:\n    print(folder, flush=True)\n    input()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    living = Path(other.stdout.readline().strip())
    assert not dead.exists()
    _make(tmp_path / "out", "one")
    assert living.exists()
    other.kill()
    other.communicate()
    _make(tmp_path / "out", "two")
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_only_an_earlier_export_of_the_project_may_be_replaced(tmp_path: Path):
    target = tmp_path / "out"
    assert not earlier_export(target, "p")
    _make(target, "one")
    assert earlier_export(target, "p")
    for other in ("q", ""):
        with pytest.raises(OutputError, match="something else is there"):
            earlier_export(target, other)
    link = tmp_path / "link"
    link.symlink_to(target)
    file = tmp_path / "file"
    file.write_text("x")
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (link, file, empty):
        with pytest.raises(OutputError, match="Give another folder"):
            earlier_export(path, "p")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be made"), building(tmp_path / "file" / "out"):
        pass
