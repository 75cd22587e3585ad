"""The features say what their definitions say, at every moment, and nothing that came later changes them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from feature_definitions import EVENTS, MOST_EVENTS, RECENT_PUSHES, Moment, moments
from feature_history import Change, Row, random_history
from operational_rows import insert
from warehouse_under_test import Warehouse

from ml.features import FEATURE_NAMES

VARS = ("--vars", f"{{record_most_events: {MOST_EVENTS}, recent_pushes: {RECENT_PUSHES}}}")
LAST_OF_A_WORD = "f23"
EXAMPLES = "SELECT * FROM features.training_examples ORDER BY tenant_id, event_id, moment"


@pytest.fixture(scope="module")
def history() -> list[Row]:
    return random_history(seed=20261120, changes=700)


@pytest.fixture(scope="module")
def cut(history: list[Row]) -> int:
    """So many rows are there before the future comes."""
    return len(history) * 2 // 3


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return Warehouse(Path(tmp_path_factory.mktemp("warehouse")))


@pytest.fixture(scope="module")
def before_and_after(
    warehouse: Warehouse, history: list[Row], cut: int, database_url: str, ingest_url: str
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """The training set built on the first part of the history, and again once the rest had come."""
    insert(database_url, history[:cut])
    warehouse.copy_from(ingest_url)
    warehouse.dbt("run", "--select", "+training_examples", *VARS)
    before = warehouse.rows(EXAMPLES)
    insert(database_url, history[cut:])
    warehouse.copy_from(ingest_url)
    warehouse.dbt("build", *VARS)
    yield before, warehouse.rows(EXAMPLES)


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["event_id"], row["moment"]): row for row in rows}


def expected(history: list[Row]) -> dict[tuple[str, str], Moment]:
    return {(m.event_id, m.moment): m for tenant in ("t1", "t2") for m in moments(history, tenant)}


def test_the_history_asks_everything_of_the_definitions(history: list[Row]) -> None:
    asked = list(expected(history).values())
    events = [row for row in history if isinstance(row, Change) and row.tenant == "t1"]

    assert {m.moment for m in asked} == {"edit_start", "edit_open"}
    assert {m.is_announced for m in asked} == {True, False}
    assert {m.features["concurrent_editors"] for m in asked} >= {0.0, 1.0, 2.0, 3.0}
    for name in FEATURE_NAMES:
        assert name == "records_open" or len({m.features[name] for m in asked}) > 1, name
    assert max(m.features["record_events_90d"] for m in asked) == MOST_EVENTS
    assert any(m.features["record_events_90d"] < m.features["record_conflicts_180d"] for m in asked)
    assert any(0 < m.features["field_overlap_score"] < 1 for m in asked)
    assert any(0 < m.features["fields_behind_share"] < 1 for m in asked)
    assert any(m.features["versions_behind"] > 2 for m in asked)
    assert any(m.features["is_announced"] and not m.features["versions_behind"] for m in asked)
    assert sum(row.entity[0] == "source" for row in events) > 220
    assert len({row.received_at for row in events}) < len(events)
    # the 24th field of its type stands last in a word, where a count ends at 31
    sources = [row for row in events if row.entity[0] == "source" and row.outcome in EVENTS]
    assert list(dict.fromkeys(field for row in sources for field in row.fields))[23] == LAST_OF_A_WORD
    assert max(Counter(row.entity for row in sources if LAST_OF_A_WORD in row.fields).values()) > 31 + 10


def test_every_feature_is_what_its_definition_says(
    history: list[Row], before_and_after: tuple[list[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    found, wanted = by_key(before_and_after[1]), expected(history)

    assert found.keys() == wanted.keys()
    for key, moment in wanted.items():
        row = found[key]
        assert (row["asked_at"], row["as_of_seq"], row["is_announced"]) == (
            moment.asked_at,
            moment.as_of_seq,
            moment.is_announced,
        ), key
        assert {name: row[name] for name in FEATURE_NAMES} == pytest.approx(moment.features, abs=1e-9), key
        assert row["silent_overlap_score"] == pytest.approx(moment.silent_overlap_score, abs=1e-9), key


def test_what_comes_later_changes_no_earlier_row(
    before_and_after: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    before, after = before_and_after
    now = by_key(after)

    assert len(before) > 300
    assert len(after) > len(before)
    for row in before:
        assert now[row["event_id"], row["moment"]] == row


def test_the_label_is_the_conflict_of_the_event(
    history: list[Row], before_and_after: tuple[list[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    conflicted = {row.event_id for row in history if isinstance(row, Change) and row.conflicted}

    assert {row["event_id"] for row in before_and_after[1] if row["conflict_occurred"]} <= conflicted
    assert all(row["conflict_occurred"] == (row["event_id"] in conflicted) for row in before_and_after[1])
