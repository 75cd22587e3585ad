"""Time, announcements, the memory file, the ledger's sums and the reading of files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foresync.replay import names
from foresync.replay.history import HistoryError, read
from foresync.replay.memory import Memory
from foresync.replay.presence import announcements
from foresync.replay.times import TimeMap, to_datetime, to_microseconds
from tests.replay.histories import SAMPLE, edit, push

ANCHOR = datetime(2026, 9, 1, 12, tzinfo=UTC)
MAPPING = {"keep_times": False, "days": 90}


def test_a_history_is_mapped_onto_the_last_days_before_its_anchor() -> None:
    times = TimeMap.of((1000, 5000), ANCHOR, MAPPING)

    mapped = [to_datetime(times(moment)) for moment in (1000, 3000, 5000)]

    assert mapped == [ANCHOR - timedelta(days=90), ANCHOR - timedelta(days=45), ANCHOR]


def test_mapping_keeps_order_and_ties() -> None:
    history = read(SAMPLE)
    times = TimeMap.of(history.span, ANCHOR, MAPPING)
    synced = [push.synced_at for push in history.pushes]
    mapped = [times(moment) for moment in synced]

    assert mapped == sorted(mapped)
    assert len(set(mapped)) == len(set(synced))


def test_kept_times_stay() -> None:
    times = TimeMap.of((1000, 5000), ANCHOR, {"keep_times": True, "days": 90})

    assert [times(moment) for moment in (1000, 3000, 5000)] == [1000, 3000, 5000]
    assert to_microseconds(to_datetime(1234567890123456)) == 1234567890123456


def test_no_field_is_announced_before_its_time() -> None:
    one = push(1, 50, edit(7, 1, 2, at=10, fields=(4, 5, 6, 7), first_at=(10, 30, 30, 50)), is_merge=True)

    told = [(a.kind, a.number, a.at, a.fields) for a in announcements(one, one.edits[0])]

    assert told == [
        ("opened", 0, 10, (4,)),
        ("fields", 1, 30, (4, 5, 6)),
        ("fields", 2, 50, (4, 5, 6, 7)),
        ("closed", 3, 50, (4, 5, 6, 7)),
    ]


def test_a_tenant_is_named_after_the_file() -> None:
    assert names.tenant(Path("x/jupyter__notebook.parquet")) == "jupyter-notebook"


def test_the_memory_file_survives_a_torn_line_and_no_other_server(tmp_path: Path) -> None:
    def memory() -> Memory:
        return Memory(tmp_path, "http://localhost:1", "t", "d")

    first = memory()
    assert first.begin({"anchor": 1}) == []
    first.add((1, 2))
    first.add((3,))
    first.close()
    file = next((tmp_path / "replay").iterdir())
    file.write_text(file.read_text() + "[4,")

    second = memory()
    assert second.begin({"anchor": 1}) == [(1, 2), (3,)]
    second.close()
    assert memory().begin({"anchor": 2}) == []


def test_the_sample_is_what_its_readme_says() -> None:
    history = read(SAMPLE)

    assert len(history.pushes) == 3984
    assert history.changes == 14980
    assert history.entity_types == {"source", "test", "doc", "config"}


def test_a_file_that_is_no_history_is_refused(tmp_path: Path) -> None:
    text, table, backwards = (tmp_path / name for name in ("a.parquet", "b.parquet", "c.parquet"))
    text.write_text("not Parquet")
    pq.write_table(pa.table({"push_id": [1]}), table)
    whole = pq.read_table(SAMPLE)
    pq.write_table(pa.concat_tables([whole.slice(100, 10), whole.slice(0, 10)]), backwards)

    for path in (text, table, backwards):
        with pytest.raises(HistoryError):
            read(path)
