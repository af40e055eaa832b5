import hashlib
import hmac

import pytest

from wgs_pipeline.pseudonyms import cohort_digest, genome_names, pseudonym

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


def test_genomes_of_one_person_are_told_apart_and_keep_their_names():
    first, second = pseudonym(KEY, "a"), pseudonym(KEY, "b")
    genomes = [(0, "a", "S1", "wgs"), (1, "b", "S2", "wgs"), (2, "a", "S3", "wgs")]
    names = genome_names(KEY, genomes)
    assert names == {0: (first, first), 1: (second, second), 2: (first, f"{first}.2")}
    # S1 is replaced, and analysed in another way.
    more = [*genomes, (3, "a", "S1", "wgs"), (4, "a", "S1", "exome")]
    assert genome_names(KEY, more) == names | {3: (first, first), 4: (first, f"{first}.3")}


def test_the_code_of_a_cohort_depends_on_the_key_and_not_on_the_order():
    code = cohort_digest(KEY, ["x", "y"])
    assert code == cohort_digest(KEY, ["y", "x"])
    assert code == hmac.digest(KEY, b"x\ny", "sha256").hex()
    assert len({code, cohort_digest(OTHER, ["x", "y"]), cohort_digest(KEY, ["x"])}) == 3
