"""The online features are what their definitions say, for any history, asked one by one or all at once."""

import random
import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from serving import features
from serving.features import DEFAULTS, Edit
from tests.serving.histories import FIELDS, RECORDS, USERS, Event, History, expected, random_history, write


@pytest.fixture
async def reader(serving_url):
    """A connection as the prediction server's own role."""
    connection = await asyncpg.connect(serving_url)
    yield connection
    await connection.close()


def questions(seed, history):
    """Everybody about every record, with all kinds of announcements."""
    draw = random.Random(seed)
    newest = {e.record: e.new_version for e in history.events if e.new_version is not None}
    return [
        Edit(
            user,
            *record,
            fields,
            base_version=draw.choice([None, 0, max(0, newest.get(record, 0) - draw.choice([0, 0, 1, 2, 30]))]),
            device_id=draw.choice([None, "d", "e"]),
            edit_id=draw.choice([None, uuid.uuid4(), *(p.edit_id for p in history.presence if p.user == user)]),
            age_seconds=draw.choice([None, None, 0.0, 5000.5]),
        )
        for fields in [(), FIELDS[:1], FIELDS[2:5], (*FIELDS, *FIELDS), ("never touched",)]
        for record in [*RECORDS, ("task", "unknown")]
        for user in [*USERS, "stranger"]
    ]


@pytest.mark.parametrize("seed", range(20))
async def test_they_equal_their_definitions(db, reader, seed):
    tenant, history = f"t{seed}", random_history(seed, datetime.now(UTC))
    await write(db, tenant, history)
    edits = questions(seed, history)
    for edit, seen in zip(edits, await features.read(reader, tenant, edits), strict=True):
        assert seen.as_of_seq == 20_000
        assert seen.values == pytest.approx(expected(history, edit, seen.asked_at), rel=1e-9, abs=1e-9), edit


def test_the_histories_ask_everything_of_the_definitions():
    now = datetime.now(UTC)
    histories = {seed: random_history(seed, now) for seed in range(20)}
    rows = [expected(history, edit, now) for seed, history in histories.items() for edit in questions(seed, history)]

    told = {name: {row[name] for row in rows} for name in rows[0]}
    assert list(told) == list(DEFAULTS)
    assert {name for name, values in told.items() if len(values) < 3} == {"is_announced", "records_open"}
    assert max(told["record_conflicts_180d"]) > 30 and max(told["record_events_90d"]) == 100
    assert max(len({e.push for e in history.events if e.is_timed}) for history in histories.values()) > 200


async def test_a_question_alone_and_in_a_queue_has_one_answer(db, reader):
    await write(db, "queue", random_history(3, datetime.now(UTC)))
    edits = [Edit("ann", *record, fields, base) for record in RECORDS for fields, base in [((), None), (("a", "b"), 0)]]
    together = await features.read(reader, "queue", edits)
    for edit, seen in zip(edits, together, strict=True):
        [alone] = await features.read(reader, "queue", [edit])
        # time has gone on between the two
        assert alone.values == pytest.approx(seen.values, rel=1e-3, abs=0.01)
        assert alone.record_version == seen.record_version


async def test_the_newest_of_a_record_are_those_that_came_last(db, reader):
    """As the warehouse takes them, also where an import brought what is older."""
    now = datetime.now(UTC)
    fresh = [_event(seq, "a", now - timedelta(hours=1)) for seq in range(1, 21)]
    imported = [_event(seq, "b", now - timedelta(days=9)) for seq in range(21, 41)]
    await write(db, "imported", History((*fresh, *imported), ()))
    edits = [Edit("ann", "task", "t1", (field,)) for field in "ab"]
    seen = await features.read(reader, "imported", edits)
    assert [one.values["field_overlap_score"] for one in seen] == [0.0, 1.0]


def _event(seq: int, field: str, received_at: datetime) -> Event:
    edited_at = received_at - timedelta(minutes=1)
    return Event(seq, "bob", ("task", "t1"), "applied", False, (field,), received_at, "update", seq, edited_at)


async def test_nobody_and_nothing_known_is_the_default(reader):
    [seen] = await features.read(reader, "nowhere", [Edit("nobody", "task", "t1")])
    assert (seen.values, seen.as_of_seq, seen.record_version) == (DEFAULTS, 0, None)


async def test_another_tenants_history_changes_nothing(db, reader):
    mine, theirs = random_history(5, datetime.now(UTC)), random_history(6, datetime.now(UTC))
    await write(db, "mine", mine)
    await write(db, "theirs", theirs)
    for record in RECORDS:
        [seen] = await features.read(reader, "mine", [Edit("bob", *record)])
        assert seen.values == pytest.approx(expected(mine, Edit("bob", *record), seen.asked_at))


async def test_only_the_prediction_server_may_ask(db, api_url, reader):
    other = await asyncpg.connect(api_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await features.read(other, "acme", [Edit("ann", "task", "t1")])
    finally:
        await other.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.fetch("SELECT * FROM sync.sync_log")
