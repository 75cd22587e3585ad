"""What the user points at servers of their own is used as it is, and not started."""

import threading
from pathlib import Path

import psycopg
import pytest

from foresync.platform import provision
from foresync.platform.parts import parts
from foresync.platform.platform import Platform
from foresync.platform.state import PlatformError, State
from foresync.platform.wiring import PORTS, Wiring, wire
from foresync.postgres import Cluster

THEIRS = {
    "DATABASE_URL": "postgresql://owner:secret@db.example:6543/prod?sslmode=require",
    "MLFLOW_TRACKING_URI": "https://mlflow.example",
    "FORESYNC_DAGSTER_URL": "https://dagster.example",
}


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "state")
    state.make()
    return state


def wired(state: State, **given: str) -> Wiring:
    return wire(state, PORTS, "2026-01-01", given)


def started(wiring: Wiring) -> set[str]:
    return {part.name for part in parts(wiring, wiring.state.folder / "postgres") if part.argv}


def test_what_is_the_users_own_is_checked_and_not_started(state: State) -> None:
    everything = {"postgres", "mlflow", "api", "serving", "code", "dagster", "daemon"}
    assert started(wired(state)) == everything
    assert started(wired(state, DATABASE_URL=THEIRS["DATABASE_URL"])) == everything - {"postgres"}
    assert started(wired(state, **THEIRS)) == {"api", "serving"}
    assert started(wired(state, DAGSTER_HOME="/elsewhere")) == everything, "our Dagster over the user's instance"


def test_roles_log_in_on_the_users_server_with_the_options_of_its_address(state: State) -> None:
    secret = state.secrets()["foresync_api"]
    url = wired(state, **THEIRS).variables["FORESYNC_API_DATABASE_URL"]
    assert url == f"postgresql://foresync_api:{secret}@db.example:6543/prod?sslmode=require"


def test_a_part_is_told_its_own_variables_and_no_others(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", THEIRS["DATABASE_URL"])
    monkeypatch.setenv("LANG", "C.UTF-8")
    told = wire(state, PORTS, "2026-01-01").only("FORESYNC_JWT_SECRET")
    assert told["LANG"] == "C.UTF-8"
    assert "DATABASE_URL" not in told
    assert "FORESYNC_JWT_SECRET" in told


def test_another_shell_finds_the_platform_as_it_was_started(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = wired(state, **THEIRS, FORESYNC_API_URL=f"http://127.0.0.1:{PORTS['api']}")
    assert wiring.theirs == THEIRS, "what is set to our own value is not the user's"
    state.remember(ports=PORTS, first_day="2026-01-01", postgres_folder="/nowhere", theirs=wiring.theirs)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert Platform.find(state).urls.mlflow == "https://mlflow.example"


def test_an_instance_of_the_users_must_be_configured(state: State, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"dagster\.yaml"):
        provision.lay_out_folders(wired(state, DAGSTER_HOME=str(tmp_path)))


def test_an_owner_who_is_no_superuser_can_make_everything(new_cluster: Cluster, state: State, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        new_cluster.spawn(log)
    new_cluster.wait_ready()
    with psycopg.connect(new_cluster.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE owner LOGIN CREATEROLE CREATEDB BYPASSRLS PASSWORD 'secret'")
        admin.execute("CREATE DATABASE prod OWNER owner")
    wiring = wired(state, DATABASE_URL=new_cluster.url("prod", "owner", "secret"))

    for _ in range(2):
        provision.databases_ready(wiring, threading.Event())

    for name in ("API", "SERVING", "INGEST", "PUBLISH", "DAGSTER", "MLFLOW"):
        psycopg.connect(wiring.variables[f"FORESYNC_{name}_DATABASE_URL"]).close()
