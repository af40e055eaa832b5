import pytest

from wgs_pipeline.consent.purposes import REFUSED, Purpose, parse_purpose
from wgs_pipeline.errors import ConsentError, PurposeError


@pytest.mark.parametrize("word", ["care", "quality", "statistics", "research", " Research "])
def test_the_closed_list(word):
    assert parse_purpose(word) is Purpose(word.strip().lower())


@pytest.mark.parametrize("word", [*REFUSED, "Law-Enforcement", "law enforcement"])
def test_refused_by_name(word):
    with pytest.raises(PurposeError, match="is refused: genomes are never used for"):
        parse_purpose(word)


@pytest.mark.parametrize("word", ["", "care;research", "cares", "x" * 10_000, "all"])
def test_anything_else_is_refused(word):
    with pytest.raises(ConsentError, match="expected one of care, quality") as error:
        parse_purpose(word)
    assert len(str(error.value)) < 300
