"""A register that is stale, cut or gone stops whoever reads it."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from wgs_pipeline.consent import register as register_module
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.consent.safeguards import (
    RegisterPolicy,
    Sizes,
    read_register,
    remember,
    sizes_of,
    sizes_seen,
    stamps,
)
from wgs_pipeline.errors import RegisterError

HEADER = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
NOW = datetime.now(UTC)


class Memory(dict):
    """A vault's memory."""

    def put(self, key, value):
        self[key] = value


@pytest.fixture(params=["row by row", "in columns"])
def files(tmp_path, request, monkeypatch):
    monkeypatch.setattr(
        register_module, "COLUMNAR_BYTES", 0 if request.param == "in columns" else 10**12
    )
    consents, optouts = tmp_path / "consents.tsv", tmp_path / "optouts.csv"

    def write(events, refusals):
        row = "\tanalysis\tgiven\t2020-01-01T00:00Z\t2020-01-01T00:00Z\t\n"
        consents.write_text(HEADER + "".join(f"p{n}{row}" for n in range(events)))
        optouts.write_text("".join(f"610170{n:04d};2020-01-31\n" for n in range(refusals)))
        return consents, optouts

    return write


def test_the_largest_sizes_are_remembered(files):
    memory = Memory()
    for events, refusals in ((100, 200), (150, 200), (149, 199), (150, 250)):
        register = read_register(*files(events, refusals), memory=memory)
        assert sizes_of(register) == Sizes(events, refusals)
    assert sizes_seen(memory) == Sizes(150, 250)


@pytest.mark.parametrize(
    ("events", "refusals", "found"),
    [
        (98, 200, "98 events, where 100 were seen before"),
        (1, 200, "1 events, where 100"),
        (100, 197, "197 opted-out persons, where 200 were seen before"),
        (100, 1, "1 opted-out persons, where 200"),
    ],
)
def test_shrunk_by_more_than_the_share(files, events, refusals, found):
    memory = Memory()
    read_register(*files(100, 200), memory=memory)
    read_register(*files(99, 198), memory=memory)
    with pytest.raises(RegisterError, match=found) as error:
        read_register(*files(events, refusals), memory=memory)
    assert "wgs consent accept" in str(error.value)
    assert sizes_seen(memory) == Sizes(100, 200)
    loose = RegisterPolicy(max_shrink=1)
    register = read_register(*files(events, refusals), policy=loose, memory=memory)
    remember(sizes_of(register), memory)
    read_register(*files(events, refusals), memory=memory)


def test_many_small_losses_are_one_large_loss(files):
    memory = Memory()
    read_register(*files(1000, 1), memory=memory)
    for events in (997, 994, 991, 990):
        read_register(*files(events, 1), memory=memory)
    with pytest.raises(RegisterError, match="989 events, where 1,000"):
        read_register(*files(989, 1), memory=memory)


def test_a_list_that_is_no_longer_named(files):
    memory = Memory()
    consents, optouts = files(10, 20)
    read_register(consents, memory=memory)
    read_register(consents, optouts, memory=memory)
    with pytest.raises(RegisterError, match="0 opted-out persons, where 20"):
        read_register(consents, memory=memory)


def test_nothing_is_compared_without_a_memory(files):
    read_register(*files(100, 200))
    read_register(*files(1, 1))


@pytest.mark.parametrize("which", [0, 1])
def test_too_old(files, which):
    paths = files(10, 20)
    old = (NOW - timedelta(days=3)).timestamp()
    os.utime(paths[which], (old, old))
    read_register(*paths)
    read_register(*paths, policy=RegisterPolicy(max_age=3.01), now=NOW)
    with pytest.raises(RegisterError, match=r"last written 3.0 days ago; expected at most 2.9"):
        read_register(*paths, policy=RegisterPolicy(max_age=2.9), now=NOW)


@pytest.mark.parametrize("which", [0, 1])
def test_missing_or_emptied(files, which):
    memory = Memory()
    paths = files(10, 20)
    read_register(*paths, memory=memory)
    paths[which].write_text("")
    with pytest.raises(RegisterError, match="an empty"):
        read_register(*paths, memory=memory)
    paths[which].unlink()
    with pytest.raises(RegisterError, match="no such file"):
        read_register(*paths, policy=RegisterPolicy(max_age=1), memory=memory)


def test_stamps_change_with_the_files(files):
    paths = files(10, 20)
    assert stamps(*paths) is None, "just written: it may change again unnoticed"
    settled = NOW - timedelta(hours=1)
    for path in paths:
        os.utime(path, (settled.timestamp(), settled.timestamp()))
    # The change of the times is itself a change, of this moment.
    assert stamps(*paths) is None
    assert stamps(paths[0], paths[0].with_name("nowhere")) is None


def test_events_of_a_read_register_are_sized(files):
    consents, optouts = files(10, 20)
    register = ConsentRegister.read(consents, optouts=optouts)
    assert (register.n_events, register.n_optouts, register.n_optout_events) == (50, 20, 40)
