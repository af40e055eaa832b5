"""A cluster for the session; what its accounting says."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from types import FrameType

import pytest
from slurm_cluster import Cluster, missing, running

#: Set to 1 where there must be a cluster: then its lack is a failure.
REQUIRED = "WGS_TEST_SLURM_REQUIRED"


@pytest.fixture(scope="session")
def cluster():
    """A cluster with accounting. Its folder has a short path: sockets have no long names."""
    if reason := missing():
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, and no SLURM cluster can be started: {reason}")
        pytest.skip(f"no SLURM cluster can be started: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="wgs-slurm-", dir="/var/tmp"))
    try:
        yield from running(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _orderly_end():
    """SIGTERM, as of `timeout`, ends the session as Ctrl-C does: with everything it started."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session", autouse=True)
def _cluster_in_environment(_orderly_end: None, cluster: Cluster):
    """Programs that tests start speak with the cluster of the session."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PATH", "SLURM_CONF"):
            patch.setenv(name, cluster.environment[name])
        yield
