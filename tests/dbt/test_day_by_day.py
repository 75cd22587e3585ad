"""Day by day or all at once: the same rows, whatever came when, however it lay, and whatever was killed in between."""

import random
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import psycopg
import pytest
from engines import OF_ONE_RUN, fetch_from_postgres, models, warehouse_in_postgres
from engines import differences as engines_differ
from feature_history import Change, Row, arrived, random_history
from lake_of_rows import Asked, copy
from operational_rows import insert
from warehouse_under_test import Warehouse

pytestmark = pytest.mark.slow

MODELS = ("run", "--select", "+training_examples")
# so many runs are of these alone: a warehouse that does not have the others is kept by day, too
FIRST_RUNS, FEWER = 5, ("run", "--select", "+int_moment_five")
CHANGES = 500
# the run in which days of two tenants are imported: its events are written, and its moments are not
KILLED = 3
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Run:
    """What the lake holds when a run comes."""

    rows: list[Row | Asked]
    held: dict[str, int]
    mapped: tuple[str, ...] = ()


def runs(seed: int) -> list[Run]:
    """The lake before each run: a tenant at work, one that is imported into while at work, one at rest."""
    draw = random.Random(seed)
    lived = random_history(seed, CHANGES, ("t1", "t2"))
    first, last = lived[0].received_at, lived[-1].received_at
    cut = [first + (last - first) * part / 5 for part in (1, 2, 3, 4)]
    resting = random_history(seed + 1, CHANGES // 5, ("t3",))
    older = random_history(seed + 2, CHANGES // 8, ("t2",))
    oldest = random_history(seed + 3, CHANGES // 10, ("t3",))

    # what arrives between the runs: days as they go, and imports of what is older
    came: list[list[Row]] = [
        [row for row in lived if row.received_at < cut[0]],
        [row for row in lived if cut[0] <= row.received_at < cut[1]],
        [*(row for row in lived if cut[1] <= row.received_at < cut[2]), *resting, *older],
        [*(row for row in lived if cut[2] <= row.received_at < cut[3]), *oldest],
        [row for row in lived if cut[3] <= row.received_at],
    ]
    log = arrived(row for batch in came for row in batch)
    ends = [sum(map(len, came[: number + 1])) for number in range(len(came))]
    asked = [
        Asked(row, draw.randint(max(0, row.seq - 30), row.seq - 1), row.received_at, row.seq % 3 == 0)
        for row in log
        if isinstance(row, Change) and draw.random() < 0.1
    ]

    def at(end: int, less: int = 0, without: tuple[int, int] = (0, 0), mapped: tuple[str, ...] = ()) -> Run:
        seen = log[:end]
        clocks = {row.tenant: row.seq for row in seen}
        told = [
            one
            for one in asked
            if one.as_of_seq <= clocks.get(one.about.tenant, -1) and one.asked_at <= seen[-1].received_at + DAY
        ]
        return Run(
            [*(row for number, row in enumerate(seen) if not without[0] <= number < without[1]), *told],
            {tenant: clock - (less if tenant == "t1" else 0) for tenant, clock in clocks.items()},
            mapped,
        )

    return [
        at(ends[0]),
        at(ends[1], less=5),  # the newest rows were copied, and not all that came before them
        at(ends[1]),
        at(ends[2]),
        at(ends[3], without=(ends[2] - 12, ends[2] + 7)),  # rows are missing of what is said to be held
        at(ends[3], mapped=("t3",)),
        at(ends[4], mapped=("t3",)),
    ]


@pytest.fixture(scope="module")
def history() -> list[Run]:
    return runs(seed=20261121)


@pytest.fixture(scope="module")
def whole(history: list[Run], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Everything that the last run of the history finds, built at once."""
    made = Warehouse(Path(tmp_path_factory.mktemp("whole")))
    copy(made.lake.root, history[-1].rows, history[-1].held, history[-1].mapped, is_shuffled=False)
    made.dbt(*MODELS)
    return made


@pytest.fixture(scope="module")
def by_day(history: list[Run], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The same, run by run; and what came in each lies in its files in no order."""
    made = Warehouse(Path(tmp_path_factory.mktemp("by_day")))
    for number, run in enumerate(history):
        copy(made.lake.root, run.rows, run.held, run.mapped, is_shuffled=True)
        asked = FEWER if number < FIRST_RUNS else MODELS
        if number == KILLED:
            made.dbt_killed_at("int_moment_record_events", *asked)
        else:
            made.dbt(*asked)
        if number == FIRST_RUNS - 1:
            assert made.rows("FROM intermediate.int_reach LIMIT 1")
    return made


def differences(ours: Warehouse, theirs: Warehouse) -> dict[str, tuple[int, int]]:
    """Table → rows that only one of two warehouses has. What is of one run alone is left out."""
    found = {}
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{ours.path}' AS ours (READ_ONLY); ATTACH '{theirs.path}' AS theirs (READ_ONLY)")
        tables = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_catalog = 'ours' "
            "AND table_type = 'BASE TABLE' AND table_schema IN ('intermediate', 'features') "
            f"AND table_name NOT IN {tuple(OF_ONE_RUN)}"
        ).fetchall()
        assert len(tables) > 20
        for (table,) in tables:
            ((only_ours,),) = connection.execute(
                f"SELECT count(*) FROM (FROM ours.{table} EXCEPT ALL FROM theirs.{table})"
            ).fetchall()
            ((only_theirs,),) = connection.execute(
                f"SELECT count(*) FROM (FROM theirs.{table} EXCEPT ALL FROM ours.{table})"
            ).fetchall()
            if only_ours or only_theirs:
                found[table] = (only_ours, only_theirs)
    return found


def test_day_by_day_makes_the_same_rows_as_all_at_once(by_day: Warehouse, whole: Warehouse) -> None:
    assert whole.rows("SELECT count(*) > 400 AS enough FROM features.training_examples") == [{"enough": True}]
    assert differences(by_day, whole) == {}


def test_a_run_without_new_rows_changes_nothing(by_day: Warehouse, tmp_path: Path) -> None:
    again = Warehouse(tmp_path)
    shutil.copytree(by_day.folder, tmp_path, dirs_exist_ok=True)

    told = again.dbt(*MODELS)

    assert "ERROR=0" in told
    assert again.rows("FROM intermediate.int_reach") == []
    assert differences(by_day, again) == {}

    # other models than those of the last finished run: everything is built
    again.dbt(*MODELS, "--vars", "{overlap_record_events: 3}")

    assert differences(by_day, again).keys() == {
        "intermediate.int_moment_windows", "intermediate.int_moment_past", "intermediate.int_moment_further",
        "intermediate.int_moment_five", "features.conflict_features", "features.training_examples",
    }  # fmt: skip


def test_without_what_the_next_run_counts_on_from_it_builds_everything(history: list[Run], tmp_path: Path) -> None:
    made = Warehouse(tmp_path)
    for run in history[:3]:
        copy(made.lake.root, run.rows, run.held, run.mapped, is_shuffled=True)
        # running figures of records, and not how their days ended
        made.dbt("run", "--select", "+int_record_events", "+int_moment_numbers")

    assert made.rows("SELECT count(*) > 100 AS enough FROM intermediate.int_record_events") == [{"enough": True}]


def test_postgres_writes_only_open_days_too(database_url: str, ingest_url: str, tmp_path: Path) -> None:
    lived = random_history(seed=3, changes=200)
    early, late, older = lived[: len(lived) // 2], lived[len(lived) // 2 :], random_history(4, 30, ("t2",))
    log = arrived([*early, *late, *older])
    url, environment = warehouse_in_postgres(database_url)
    warehouse = Warehouse(tmp_path)
    for rows in (log[: len(early)], log[len(early) :]):
        insert(database_url, rows)
        warehouse.dbt(*MODELS, **environment)
    warehouse.copy_from(ingest_url)
    warehouse.dbt(*MODELS)
    found = [model for model in models(warehouse) if model.schema in ("intermediate", "features")]

    assert warehouse.rows("SELECT count(*) > 200 AS enough FROM features.training_examples") == [{"enough": True}]
    with psycopg.connect(url) as connection:
        ((looked_back,),) = connection.execute("SELECT count(*) FROM warehouse_intermediate.int_reach").fetchall()
    assert looked_back > 0
    assert engines_differ(warehouse, found, fetch_from_postgres(url, found, tmp_path)) == {}
