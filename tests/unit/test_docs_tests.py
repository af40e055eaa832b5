"""Tests that the documentation names as its proof are there."""

from __future__ import annotations

import re

import pytest

from running import REPOSITORY

PAGES = sorted((REPOSITORY / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def defined():
    files = (REPOSITORY / "tests").rglob("test_*.py")
    texts = (path.read_text(encoding="utf-8") for path in files)
    return {name for text in texts for name in re.findall(r"(?m)^\s*def (test_\w+)", text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_is_there(page, defined):
    named = re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if name not in defined] == []


def test_the_faults_on_a_cluster_name_their_tests():
    text = (REPOSITORY / "docs/cluster.md").read_text(encoding="utf-8")
    table = text.partition("| fault |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) >= 15
    assert [row for row in table if not re.search(r"`test_\w+`", row)] == []
