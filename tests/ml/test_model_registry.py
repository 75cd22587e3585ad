"""Aliases over real versions; the models themselves do not matter here."""

import pytest
from mlflow import MlflowClient

from ml import registry

pytestmark = pytest.mark.usefixtures("empty_registry")


def register(count: int) -> list[str]:
    """Versions without a model behind them."""
    client = MlflowClient()
    client.create_registered_model(registry.MODEL_NAME)
    run = client.create_run("0").info
    for number in range(count):
        tags = {"training_key": f"key-{number % 2}"}
        client.create_model_version(registry.MODEL_NAME, f"{run.artifact_uri}/model", run.run_id, tags=tags)
    return [version.version for version in registry.versions()]


def champion() -> str | None:
    version = registry.resolve(registry.CHAMPION)
    return version.version if version else None


def test_before_the_first_model_there_is_nothing_and_nothing_breaks() -> None:
    assert registry.resolve(registry.CHAMPION) is None
    assert registry.versions() == []
    assert registry.find("training_key", "key-0") is None


def test_an_alias_nobody_has_is_none() -> None:
    register(1)
    assert registry.resolve(registry.CHAMPION) is None


def test_versions_come_newest_first_with_their_aliases() -> None:
    assert register(11) == [str(number) for number in range(11, 0, -1)]
    registry.point(registry.CHALLENGER, "2")
    registry.promote("2")
    assert {v.version: v.aliases for v in registry.versions() if v.aliases} == {"2": ("challenger", "champion")}


def test_the_newest_version_with_a_tag_is_found() -> None:
    register(4)
    found = registry.find("training_key", "key-0")
    assert found is not None and found.version == "3"


def test_a_version_that_is_not_there_cannot_be_promoted() -> None:
    register(1)
    with pytest.raises(registry.NoSuchVersionError, match="no version 5"):
        registry.promote("5")
    assert champion() is None


def test_rolling_back_walks_through_those_that_served() -> None:
    register(3)
    for version in ("1", "3", "2"):
        registry.promote(version)
    assert registry.rollback().version == "3" and champion() == "3"
    assert registry.get("2").is_rolled_back
    assert registry.rollback().version == "1"
    with pytest.raises(registry.NoSuchVersionError, match="no version served before 1"):
        registry.rollback()
    assert champion() == "1"


def test_rolling_back_passes_over_versions_that_were_deleted() -> None:
    register(3)
    for version in ("1", "2", "3"):
        registry.promote(version)
    MlflowClient().delete_model_version(registry.MODEL_NAME, "2")
    assert registry.rollback().version == "1"


def test_without_a_champion_there_is_nothing_to_roll_back() -> None:
    with pytest.raises(registry.NoSuchVersionError, match="no champion"):
        registry.rollback()


def test_an_operator_s_promotion_forgives_a_rollback() -> None:
    register(2)
    registry.promote("1")
    registry.promote("2")
    registry.rollback()
    assert not registry.promote("2").is_rolled_back


def test_a_long_card_is_cut_to_what_the_registry_takes() -> None:
    card = "\n".join(f"| line {number} | {'x' * 50} |" for number in range(200))
    cut = registry.fitting(card)

    assert len(cut) <= 5000 and cut.endswith("model_card.md.")
    assert all(line in card for line in cut.split("\n\n")[0].split("\n"))
    assert registry.fitting("short") == "short"
