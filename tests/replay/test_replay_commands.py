"""The commands as they are typed, against a real server."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foresync.cli import app
from foresync.client import SyncClient
from foresync.declarations import DeclarationError, read_declarations
from foresync.replay import SCOPES
from foresync.tenants import mint_token
from tests.git_history.repository import Repository, functions
from tests.replay.histories import SAMPLE, slice_of_sample

TYPES = SAMPLE.parent / "entity_types.toml"


@pytest.fixture
def access(server: str, database_url: str, jwt_secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A new tenant's token, and the variables that a user would set."""
    token = mint_token(
        database_url,
        jwt_secret,
        tenant="typed",
        user="operator",
        scopes=SCOPES,
        expires_in=timedelta(hours=1),
    )
    monkeypatch.setenv("FORESYNC_API_URL", server)
    monkeypatch.setenv("FORESYNC_TOKEN", token)
    monkeypatch.setenv("FORESYNC_HOME", str(tmp_path / "home"))
    return token


def typed(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_types_policy_and_replay_from_the_command_line(access: str, server: str, tmp_path: Path) -> None:
    path = slice_of_sample(tmp_path, 60)

    assert "source" in typed("entity-types", "load", str(TYPES), "--tenant", "typed")
    assert "manual" in typed("policy", "set", "manual", "--entity", "doc", "--tenant", "typed")
    ledger = json.loads(typed("replay", str(path), "--tenant", "typed", "--json"))
    table = typed("replay", str(path), "--tenant", "typed")

    assert ledger["sent"] == ledger["applied"] + ledger["merged"] + ledger["unchanged"] > 0
    assert ledger["tenant"] == "typed" and ledger["rows_per_second"] > 0
    assert "replayed" in table and f"{ledger['sent']:,}" in table
    with SyncClient(server, access) as client:
        assert (client.policy("doc").strategy, client.policy("*").strategy) == ("manual", "client_wins")


@pytest.mark.parametrize("speed", ["0", "-2", "fast"])
def test_a_speed_that_is_none_is_refused(speed: str) -> None:
    result = CliRunner().invoke(app, ["replay", str(SAMPLE), "--speed", speed])

    assert result.exit_code == 2 and "real time" in result.output


def test_a_file_that_declares_nothing_is_refused(tmp_path: Path) -> None:
    for name, text in (("a.toml", "= ="), ("b.json", "[1]"), ("c.toml", "strict = true")):
        (tmp_path / name).write_text(text)
        with pytest.raises(DeclarationError, match=name):
            read_declarations(tmp_path / name)


def test_a_repository_is_read_and_pushed_from_the_command_line(access: str, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "team")
    repository.commit({"f.py": functions(f="1", g="2")})
    repository.branch("work")
    repository.commit({"f.py": functions(f="10", g="2")}, author="eve")
    repository.on("main")
    repository.commit({"f.py": functions(f="11", g="2")})
    repository.merge("work", keep=functions(f="10", g="2"))
    history = tmp_path / "home" / "histories" / "typed.parquet"

    told = typed("import-git", str(repository.path), "--tenant", "typed")

    assert "3 pushes, 1 of them merges; 1 records, 3 changes" in told
    assert "1 (100.0%) met newer work of others, 1 (100.0%) in the same place" in told
    assert f"foresync demo --history {history}" in told.replace("\n", " ").replace("  ", " ")
    assert history.with_suffix(".legend.txt").read_text() == "e0\tf.py\n"
    assert "conflicts recorded" in told
