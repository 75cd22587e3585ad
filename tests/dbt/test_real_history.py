"""The features of a real history, record by record as busy as it was, are what plain SQL makes of its lake.

What this one never asks, `test_features` does: a device's second edit, an open edit's later word, a delete missed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from many_events import SAMPLE
from plain_features import make_plain_features
from warehouse_under_test import Warehouse

from bench.support.history_lake import decided, write
from foresync.replay.history import read
from ml.features import FEATURE_NAMES

pytestmark = pytest.mark.slow

# is_announced is no number in the table of examples
FEATURES = (*(name for name in FEATURE_NAMES if name != "is_announced"), "silent_overlap_score")
# how many values the sample has of those that have fewer than a thousand: counts, and what few edits have
FEW_VALUES = {
    "concurrent_editors": 4,
    "versions_behind": 8,
    "fields_behind": 3,
    "fields_behind_share": 3,
    "hours_behind": 89,
    "open_edits": 5,
    "open_edits_same_user": 4,
    "open_overlap_recent": 228,
    "open_fields_shared": 4,
    "open_same_base": 3,
    "record_conflicts_180d": 25,
    "record_events_90d": 61,
    "tenant_conflict_share": 170,
    "records_open": 1,
}
# relative, of what is 1 or more: the order of a sum's terms, and logarithms in whole numbers of 2^-32
TOLERANCE = 1e-9
ASKED = "SELECT tenant_id, event_id, moment, asked_at FROM built.features.training_examples"
# of a field, as far as the narrowest of the models' packed counts reaches
MOST_TOUCHES = 31


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A table `compared`: of every moment, what the project's models made of it and what plain SQL does."""
    warehouse = Warehouse(Path(tmp_path_factory.mktemp("warehouse")))
    write(warehouse.lake.root, [decided(read(SAMPLE), "sample")], 0.5)
    warehouse.dbt("run", "--select", "+training_examples")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{warehouse.path}' AS built (READ_ONLY)")
        make_plain_features(connection, warehouse.lake.root, ASKED)
        connection.execute("""
            CREATE TABLE compared AS SELECT event_id, moment, found, wanted
            FROM built.features.training_examples AS found FULL JOIN plain_features AS wanted
              USING (tenant_id, event_id, moment)
        """)
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return list(connection.execute(query).fetchall())


def values(connection: duckdb.DuckDBPyConnection, name: str) -> set[Any]:
    return {value for (value,) in rows(connection, f"SELECT DISTINCT wanted.{name} FROM compared")}


def test_the_history_asks_what_only_a_real_one_does(compared: duckdb.DuckDBPyConnection) -> None:
    assert values(compared, "moment") == {"edit_start", "edit_open"}
    assert values(compared, "is_announced") == {True, False}
    assert values(compared, "concurrent_editors") >= {0, 1, 2, 3}
    for name in FEATURES:
        assert len(values(compared, name)) >= FEW_VALUES.get(name, 1000), name
    often = rows(
        compared,
        f"""SELECT entity_id, field FROM events JOIN touches USING (tenant_id, seq)
        GROUP BY entity_type, entity_id, field HAVING count(*) > {MOST_TOUCHES}""",
    )
    assert len(often) > 20


def test_every_event_has_a_moment_at_which_it_began(compared: duckdb.DuckDBPyConnection) -> None:
    began = "SELECT event_id, least(edited_at, received_at) FROM events"
    starts = "SELECT event_id, found.asked_at FROM compared WHERE moment = 'edit_start'"

    assert rows(compared, f"({began} EXCEPT ALL {starts}) UNION ALL ({starts} EXCEPT ALL {began})") == []


@pytest.mark.parametrize("name", ["as_of_seq", "is_announced"])
def test_every_moment_sees_and_says_what_its_definition_says(compared: duckdb.DuckDBPyConnection, name: str) -> None:
    assert unlike(compared, name, f"found.{name} IS DISTINCT FROM wanted.{name}") == []


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_is_what_its_definition_says(compared: duckdb.DuckDBPyConnection, name: str) -> None:
    difference = f"coalesce(abs(found.{name} - wanted.{name}) / greatest(1, abs(wanted.{name})), 'inf')"

    assert unlike(compared, name, f"{difference} > {TOLERANCE}") == []


def unlike(connection: duckdb.DuckDBPyConnection, name: str, condition: str) -> list[tuple[Any, ...]]:
    """Some moments at which the two differ, with the number of all such."""
    said = f"count(*) OVER (), event_id, moment, found.{name}, wanted.{name}"
    return rows(connection, f"SELECT {said} FROM compared WHERE {condition} ORDER BY event_id, moment LIMIT 5")
