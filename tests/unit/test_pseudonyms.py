import hashlib
import hmac

import pytest

from wgs_pipeline.pseudonyms import pseudonym

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


def test_same_person_same_pseudonym_within_a_project_and_another_in_the_next():
    assert pseudonym(KEY, "person-1") == pseudonym(KEY, "person-1")
    assert pseudonym(KEY, "person-1") != pseudonym(KEY, "person-2")
    assert pseudonym(KEY, "person-1") != pseudonym(OTHER, "person-1")


def test_a_pseudonym_is_keyed_and_safe_as_a_sample_name():
    name = pseudonym(KEY, "person-1")
    assert name.isalnum()
    assert len(name) == 25
    plain = hashlib.sha256(b"person-1").digest()
    keyed = hmac.digest(KEY, b"person-1", "sha256")
    import base64

    assert name[1:] == base64.b32encode(keyed[:15]).decode()
    assert name[1:] != base64.b32encode(plain[:15]).decode()


def test_spellings_of_one_number_are_one_person():
    assert pseudonym(KEY, "010203-0000") == pseudonym(KEY, "0102030000")


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        pseudonym(b"short", "person-1")
