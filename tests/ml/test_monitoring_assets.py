"""The champion watched, as the platform does it: the assets' tables, pictures and checks, with a real registry."""

from datetime import date, timedelta

import dagster as dg
import duckdb
import pandas as pd
import pytest
from materialised import checked, made

from ml import dataset, registry, served, train
from ml.estimators import Candidate
from ml.features import TARGET
from ml.monitoring import LIMITS
from orchestration.defs.monitoring.model import answer_quality, batch_quality, feature_drift
from orchestration.defs.monitoring.model_checks import inputs_are_as_trained, quality_checks
from orchestration.lib import monitoring
from orchestration.lib.lake import Lake
from orchestration.lib.monitoring import RANGE_END, RANGE_START
from orchestration.settings import settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("champion")]
DAY = date(2026, 11, 19)
TWO_DAYS = {RANGE_START: str(DAY - timedelta(days=1)), RANGE_END: str(DAY)}
CUT = pd.Timestamp("2026-10-25", tz="UTC")


@pytest.fixture(scope="module")
def champion(mlflow_server: str, rows: pd.DataFrame) -> served.Served:
    """A version that learnt from the rows before CUT, and serves."""
    past = dataset.from_frame(rows.loc[rows["received_at"] < CUT], source="history", days=None)
    made_now = train.train(past, git_commit="watched", candidates=(Candidate("logistic_regression", {"C": 0.1}),))
    assert made_now.version is not None
    registry.promote(made_now.version)
    found = served.champion()
    assert found is not None
    return found


def holds_its_promise(table: str) -> dg.AssetChecksDefinition:
    """The check of that name on a table of quality."""
    checks = quality_checks().asset_checks or ()
    (found,) = (
        one for one in checks if isinstance(one, dg.AssetChecksDefinition) and one.check_key.asset_key.path[-1] == table
    )
    return found


def window(rows: pd.DataFrame) -> pd.DataFrame:
    """What counts on DAY."""
    days = rows["received_at"].dt.date
    return rows.loc[(days > DAY - timedelta(days=LIMITS.window_days)) & (days <= DAY)]


def test_batch_quality_judges_what_the_champion_has_not_seen(
    lake: Lake, champion: served.Served, rows: pd.DataFrame
) -> None:
    said = [made(batch_quality, TWO_DAYS) for _ in range(2)][-1]

    unseen = window(champion.unseen(dataset.load(lake.training_file).frame))
    given = served.answers(unseen, champion.model)
    found = monitoring.pooled(lake, "batch_quality", "all")
    assert found is not None and (found["day"], found["version"]) == (DAY, champion.version)
    assert (found["rows"], found["conflicts"]) == (len(given), given[TARGET].sum())
    assert found["precision"] == pytest.approx(given.loc[given["warned"], TARGET].mean())
    assert found["recall"] == pytest.approx(given.loc[given[TARGET], "warned"].mean())
    assert 0 < len(unseen) < len(window(rows))
    # a second run of the days has replaced them
    stored = monitoring.stored(lake, "batch_quality")
    assert stored is not None and len(stored) == len(stored.drop_duplicates(["day", "tenant_id", "moment"]))
    assert (
        said["plot"].startswith("![quality over time](data:image/png;base64,") and f"| {DAY} | all |" in said["latest"]
    )


def test_a_promise_that_is_no_longer_held_is_told(lake: Lake, champion: served.Served, rows: pd.DataFrame) -> None:
    made(batch_quality, TWO_DAYS)
    as_promised = checked(batch_quality, holds_its_promise("batch_quality"))
    # conflicts come where nobody is warned
    warned = served.answers(rows, champion.model)["warned"]
    elsewhere = ~warned & (rows.index % 10 == 0)
    rows.assign(**{TARGET: rows[TARGET].where(rows["received_at"] < CUT, elsewhere)}).to_parquet(lake.training_file)
    made(batch_quality, TWO_DAYS)
    broken = checked(batch_quality, holds_its_promise("batch_quality"))

    assert as_promised.passed and "as promised" in (as_promised.description or "")
    assert not broken.passed and broken.severity == dg.AssetCheckSeverity.WARN
    assert "pr_auc is at most" in (broken.description or "")


def test_the_feature_that_has_moved_is_named_and_no_other(lake: Lake, rows: pd.DataFrame) -> None:
    before = _drifted(lake)
    moved = rows["field_overlap_score"].mask(rows["received_at"] >= CUT, 0.9)
    rows.assign(field_overlap_score=moved).to_parquet(lake.training_file)
    after = _drifted(lake)
    warned = checked(feature_drift, inputs_are_as_trained)

    assert "field_overlap_score" not in before and after == before | {"field_overlap_score"}
    assert not warned.passed and "field_overlap_score has moved (PSI" in (warned.description or "")


def _drifted(lake: Lake) -> set[str]:
    """What has moved by DAY, when the asset is made; its picture is there."""
    assert made(feature_drift, TWO_DAYS)["plot"].startswith("![drift by feature](data:image/png;base64,")
    table = monitoring.newest_day(lake, "feature_drift")
    assert table is not None and set(table["day"]) == {DAY}
    return set(table.loc[table["has_drifted"], "feature"])


def test_answers_are_judged_as_if_nobody_had_been_warned(lake: Lake) -> None:
    # every fourth answer is a warning, every other warning is withheld; all that were shown were heeded
    number = pd.Series(range(400))
    warned, withheld = number % 4 == 0, number % 8 == 0
    conflicted = (number % 16 == 0) | (~warned & (number % 20 == 1))
    outcomes = pd.DataFrame({
        "tenant_id": "acme", "event_id": number.astype(str), "sync_session_id": "p" + number.astype(str),
        "moment": "edit_start", "conflict_probability": warned.map({True: 0.5, False: 0.05}),
        "predicted_conflict": warned, "arm": withheld.map({True: "withheld", False: "shown"}), "model_version": "1",
        "event_received_at": pd.Timestamp(DAY, tz="UTC"), "conflict_occurred": conflicted,
    })  # fmt: skip
    with duckdb.connect(str(settings().warehouse_path)) as warehouse:
        warehouse.register("outcomes", outcomes)
        warehouse.execute("CREATE SCHEMA marts; CREATE SCHEMA intermediate")
        for table, columns in (
            ("marts.fct_prediction_outcomes", "* EXCLUDE (sync_session_id)"),
            ("intermediate.int_events", "tenant_id, event_id, sync_session_id"),
        ):
            warehouse.execute(f"CREATE TABLE {table} AS SELECT {columns} FROM outcomes")
    made(answer_quality, TWO_DAYS)

    every, nobody_warned = (monitoring.pooled(lake, "answer_quality", arm) for arm in ("all", "withheld"))
    assert every is not None and nobody_warned is not None
    # of 100 warnings 50 were withheld, and 25 of those ended in conflict; each stands for two
    assert every["precision"] == pytest.approx(25 / 100)
    assert nobody_warned["precision"] == pytest.approx(25 / 50)
    assert nobody_warned["recall"] == pytest.approx(50 / (50 + conflicted[~warned].sum()))
