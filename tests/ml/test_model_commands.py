"""`foresync models` as it is typed, over real versions."""

import json

import pytest
from mlflow import MlflowClient
from rich.console import Console
from typer.testing import CliRunner, Result

from foresync import model_commands
from foresync.cli import app
from foresync.errors import PlainError
from ml import registry
from tests.ml.test_model_registry import champion, register

pytestmark = pytest.mark.usefixtures("empty_registry", "reachable")


@pytest.fixture
def reachable(mlflow_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry where a user's command looks for it, in a window as small as they come."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    monkeypatch.setattr(model_commands, "console", Console(width=80))


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments])


def test_nothing_registered_is_said_with_what_to_do() -> None:
    assert "foresync demo" in typed("list").stdout


def test_the_list_shows_what_serves_and_what_the_gate_said() -> None:
    register(2)
    reason = "record: PR-AUC 0.250 on 12,345 rows; the champion 7 reaches 0.240, and the difference is beyond chance"
    told = {registry.STATUS: registry.PASSED, "gate_reason": reason, "model_type": "gradient_boosting"}
    registry.tag("1", told | {"holdout_pr_auc": "0.25"})
    registry.promote("1")
    table, said = typed("list").stdout.split("\n\n")
    lines = table.splitlines()[-2:]

    assert [line.split()[0] for line in lines] == ["2", "1"]
    assert "not judged" in lines[0]
    assert all(word in lines[1] for word in ("champion", "0.250", "passed"))
    assert " ".join(said.split()) == f"1: {reason}" and len(said.splitlines()) == 2
    assert [one["version"] for one in json.loads(typed("list", "--json").stdout)] == ["2", "1"]


def test_only_what_the_gate_let_through_is_promoted_unless_one_insists() -> None:
    register(2)
    registry.tag("2", {registry.STATUS: registry.PASSED})

    assert typed("promote", "2").exit_code == 0
    refused = typed("promote", "1")
    assert isinstance(refused.exception, PlainError) and "--past-the-gate" in str(refused.exception)
    assert champion() == "2"
    assert typed("promote", "1", "--past-the-gate").exit_code == 0
    assert champion() == "1"


def test_a_rollback_brings_back_the_one_before() -> None:
    register(2)
    for version in ("1", "2"):
        registry.promote(version)

    assert "Version 1 is the champion again; version 2 is out" in typed("rollback").stdout
    assert champion() == "1"
    assert "rolled back" in typed("list").stdout


def test_what_is_not_there_is_said_plainly() -> None:
    MlflowClient().create_registered_model(registry.MODEL_NAME)
    for arguments in (("promote", "9"), ("rollback",)):
        failed = typed(*arguments)
        assert isinstance(failed.exception, PlainError), arguments


def test_a_registry_that_is_away_is_said_plainly(monkeypatch: pytest.MonkeyPatch, mlflow_server: str) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    try:
        failed = typed("list")
    finally:
        mlflow.set_tracking_uri(mlflow_server)
    assert isinstance(failed.exception, PlainError) and "http://127.0.0.1:9" in str(failed.exception)
