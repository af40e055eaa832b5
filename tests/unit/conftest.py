"""What tests of several modules need."""

import os
import subprocess

import pytest


@pytest.fixture
def mounted(tmp_path):
    """Mount a small file system; where that is not allowed, skip the test."""
    folders = []

    def mount(options):
        folder = tmp_path / "mounted"
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
        folders.append(folder)
        return folder

    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    yield mount
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)
