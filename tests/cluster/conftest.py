"""A cluster for the session; what its accounting says."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from slurm_cluster import Cluster, missing, running


@pytest.fixture(scope="session")
def cluster():
    """A cluster with accounting. Its folder has a short path: sockets have no long names."""
    if missing():
        pytest.skip(missing())
    folder = Path(tempfile.mkdtemp(prefix="wgs-slurm-", dir="/var/tmp"))
    try:
        yield from running(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _cluster_in_environment(cluster: Cluster):
    """Programs that tests start speak with the cluster of the session."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PATH", "SLURM_CONF"):
            patch.setenv(name, cluster.environment[name])
        yield
