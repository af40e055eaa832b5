"""One small toy cohort and one small toy project, shared by the tests of this folder."""

import shutil

import pytest

from wgs_pipeline.toy import make_cohort, make_project

SEED, SCALE = 7, 0.2


@pytest.fixture(scope="session")
def cohort():
    return make_cohort(SEED, SCALE)


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A complete project; tests must not change it."""
    return make_project(tmp_path_factory.mktemp("toy") / "project", SEED, 30, SCALE)


@pytest.fixture
def tiny_project(tmp_path):
    """A project that a test may change."""
    return make_project(tmp_path / "project", SEED, 1, 0.1)


@pytest.fixture(scope="session")
def tool():
    """Give the path of a command-line tool; skip the test where it is not installed."""

    def find(name):
        return shutil.which(name) or pytest.skip(f"{name} is not installed")

    return find
