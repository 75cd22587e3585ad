"""A history as the lake would hold it, without a server: the engine's own verdicts, in the order of a replay."""

import importlib
import uuid
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from bench.support.history_lake import Decided, announced, decided, write
from foresync.replay.history import History, read
from tests.replay.histories import slice_of_sample
from tests.replay.model import Model, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return read(slice_of_sample(tmp_path_factory.mktemp("history"), 3000))


@pytest.fixture(scope="module")
def made(history: History) -> Decided:
    return decided(history, "sample")


def rows(folder: Path, table: str) -> list[dict[str, object]]:
    return pq.read_table(next((folder / "raw" / table).glob("**/*.parquet")), partitioning=None).to_pylist()


def test_every_verdict_is_what_the_rules_say(history: History, made: Decided) -> None:
    said = [verdict for verdicts in made.verdicts for verdict in verdicts]
    for verdict, change in zip(said, run(history, Model()), strict=True):
        assert (verdict.outcome, verdict.base, verdict.version, verdict.is_conflicted) == (
            change.outcome.status,
            change.base,
            change.outcome.version,
            bool(change.outcome.collided),
        )
    assert sum(verdict.is_conflicted for verdict in said) > 50


def test_the_log_is_the_same_whoever_announces(made: Decided, tmp_path: Path) -> None:
    told = ("id", "received_at", "outcome", "is_conflicted", "fields", "base_version")
    logs = []
    for share in (0.0, 1.0):
        write(tmp_path / str(share), [made], share)
        logs.append([{name: row[name] for name in told} for row in rows(tmp_path / str(share), "sync_log")])
    assert logs[0] == logs[1]
    assert not rows(tmp_path / "0.0", "edit_session_event")
    presence = rows(tmp_path / "1.0", "edit_session_event")
    seqs = [row["seq"] for row in (*presence, *rows(tmp_path / "1.0", "sync_log"))]
    assert sorted(seqs) == list(range(1, len(seqs) + 1))


def test_a_push_is_announced_whole_or_not_at_all_and_shares_are_nested(made: Decided, tmp_path: Path) -> None:
    speaking = {
        share: {step.push.push_id for step in made.steps if announced(step, "sample", share)}
        for share in (0.0, 0.5, 1.0)
    }
    assert not speaking[0.0] and speaking[0.0] < speaking[0.5] < speaking[1.0]
    write(tmp_path, [made], 0.5)
    merges = {step.push.push_id for step in made.steps if step.push.is_merge}
    of_push: dict[object, set[bool]] = {}
    for row in rows(tmp_path, "sync_log"):
        of_push.setdefault(row["sync_session_id"], set()).add(row["edit_id"] is not None)
    assert all(of_push[f"p{number}"] == {number in speaking[0.5]} for number in merges)


@pytest.mark.parametrize("table", ["sync_log", "edit_session_event", "prediction_log", "replay_anchor"])
def test_every_source_of_the_features_is_there(made: Decided, tmp_path: Path, table: str) -> None:
    write(tmp_path, [made], 1.0)
    assert len(rows(tmp_path, table)) > 0 or table == "prediction_log"


def test_ids_are_uuids_in_the_order_of_their_names(made: Decided, tmp_path: Path) -> None:
    write(tmp_path, [made], 0.0)
    log = rows(tmp_path, "sync_log")
    assert len({uuid.UUID(str(row["id"])) for row in log}) == len(log)
    assert [row["id"] for row in sorted(log, key=lambda row: str(row["offline_id"]))] == sorted(
        str(row["id"]) for row in log
    )


@pytest.mark.slow
def test_the_training_set_is_made_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # as a bench sees it, which is started in its own folder
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    make = importlib.import_module("support.history_features").make

    made = make([slice_of_sample(tmp_path, 400)], [0.5], tmp_path / "home", lambda _: None)

    found = duckdb.sql(f"""
        SELECT count(*), count(DISTINCT event_id), sum(conflict_occurred::int) FROM '{made.sets[0.5]}'
    """)
    moments, events, conflicts = found.fetchall()[0]
    assert moments > events > 300
    assert conflicts > 0
