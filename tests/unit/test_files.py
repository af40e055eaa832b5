import json
import os
import stat
import subprocess
import sys

import pytest

from wgs_pipeline.errors import OutputError
from wgs_pipeline.files import (
    bytes_below,
    files_below,
    replacing,
    sweep_temporaries,
    write_json,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_nothing_until_all_is_written(tmp_path):
    path = tmp_path / "new" / "deep" / "result.txt"
    with replacing(path) as temporary:
        assert temporary.parent == path.parent
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names(path.parent) == ["result.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_leaves_the_target_as_it_was(tmp_path, error):
    path = tmp_path / "result.txt"
    path.write_text("before")
    expected = OutputError if error is OSError else error

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(expected):
        fail()
    assert path.read_text() == "before"
    assert names(tmp_path) == ["result.txt"]


def test_a_body_that_removes_its_file(tmp_path):
    path = tmp_path / "result.txt"
    expected = r"result\.txt: cannot be written: No such file"
    with pytest.raises(OutputError, match=expected), replacing(path) as temporary:
        temporary.unlink()
    assert names(tmp_path) == []


def test_another_file_that_fails_is_named(tmp_path):
    path, source = tmp_path / "result.txt", tmp_path / "source.txt"
    with pytest.raises(OutputError) as error, replacing(path):
        source.read_text()
    message = f"{path}: cannot be written: No such file or directory ({source})"
    assert str(error.value) == message


@pytest.mark.parametrize("umask", [0, 0o002, 0o022, 0o077])
def test_files_and_folders_are_their_owners_whatever_the_umask(tmp_path, umask):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o755)
    path = tmp_path / "shared" / "new" / "deep" / "result.txt"
    before = os.umask(umask)
    try:
        write_text(path, "text")
        path.chmod(0o644)
        write_text(path, "again")
        assert os.umask(umask) == umask, "the mask is as it was"
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, *path.parents[:3])]
    assert modes == [0o600, 0o700, 0o700, 0o755]


def test_content(tmp_path):
    write_text(tmp_path / "text", "Ærø\n")
    assert (tmp_path / "text").read_bytes() == "Ærø\n".encode()
    write_json(tmp_path / "json", {"name": "Ærø", "of": [1, None]})
    text = (tmp_path / "json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "Ærø", "of": [1, None]}
    assert "Ærø" in text
    assert text.endswith("}\n")


def test_targets_that_cannot_be(tmp_path):
    (tmp_path / "folder" / "within").mkdir(parents=True)
    (tmp_path / "file").write_text("file")
    for path, reason in (
        (tmp_path / "folder", "Is a directory"),
        (tmp_path / "file" / "result.txt", "File exists|Not a directory"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(OutputError, match=f"{path}: cannot be written: ({reason})"):
            write_text(path, "text")
    assert names(tmp_path) == ["file", "folder"]


def test_full_disk(mounted):
    folder = mounted("size=64k")
    path = folder / "result.txt"
    write_text(path, "before")
    with pytest.raises(OutputError, match=f"{path}: cannot be written: No space left on device"):
        write_text(path, "x" * 100_000)
    assert path.read_text() == "before"
    assert names(folder) == ["result.txt"]


def test_no_room_for_another_file(mounted):
    folder = mounted("nr_inodes=2")
    write_text(folder / "first", "")
    with pytest.raises(OutputError, match="second: cannot be written: No space left on device"):
        write_text(folder / "second", "")


def test_read_only_file_system(mounted):
    folder = mounted("size=64k,ro")
    for path in (folder / "result.txt", folder / "deeper" / "result.txt"):
        with pytest.raises(OutputError, match=f"{path}: cannot be written: Read-only file system"):
            write_text(path, "text")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    path = tmp_path / "result.txt"
    with pytest.raises(OutputError, match=f"{path}: cannot be written: Permission denied"):
        write_text(path, "text")
    tmp_path.chmod(0o700)


def test_files_below_a_folder(tmp_path):
    for name in ("b/2", "b/1", "a", "c/d/e"):
        write_text(tmp_path / name, name)
    (tmp_path / "empty").mkdir()
    found = files_below(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a", "b/1", "b/2", "c/d/e"]
    assert files_below(tmp_path / "nowhere") == []
    assert bytes_below(tmp_path) == sum(path.stat().st_size for path in found)
    assert bytes_below(tmp_path / "nowhere") == 0


def test_what_a_killed_process_left_is_swept(tmp_path):
    kept = [tmp_path / "a.tmp", tmp_path / ".hidden", tmp_path / "deep" / "result.txt"]
    for path in kept:
        write_text(path, "whole")
    killed = (
        "import os, signal, sys; from pathlib import Path\n"
        "from wgs_pipeline.files import replacing\n"
        "with replacing(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", killed, tmp_path / "deep" / "result.txt"], check=False)
    assert len(list((tmp_path / "deep").iterdir())) == 2
    assert sweep_temporaries(tmp_path) == 1
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)
    assert sweep_temporaries(tmp_path) == 0
