"""One contract, and the places that spell it: the warehouse's columns, the online function, the server, the page.

That a logged model's MLflow signature has the same names is the training run's own test.
"""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from ml import feature_page
from ml.announcements import DRAW, SILENT_OVERLAP
from ml.features import DEFAULTS, FEATURE_NAMES, FEATURES
from serving import features as served

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "dbt_project" / "models"


def columns(model: str) -> dict[str, dict[str, Any]]:
    """The columns of a model in the folder `features`, as its contract names them."""
    found = yaml.safe_load((MODELS / "features" / "_features.yml").read_text(encoding="utf-8"))["models"]
    return {column["name"]: column for one in found if one["name"] == model for column in one["columns"]}


@pytest.mark.parametrize(
    ("model", "others"),
    [("conflict_features", {SILENT_OVERLAP}), ("training_examples", {SILENT_OVERLAP, DRAW})],
)
def test_the_warehouse_says_the_same_of_every_feature(model: str, others: set[str]) -> None:
    found = columns(model)

    assert set(FEATURE_NAMES) | others <= set(found)
    for feature in FEATURES:
        column = found[feature.name]
        said = (column["description"], column["meta"]["unit"], column["data_type"])
        flag = model == "training_examples" and feature.name == "is_announced"
        assert said == (feature.meaning, feature.unit, "boolean" if flag else "double"), feature.name


def test_the_warehouse_computes_no_feature_that_the_contract_does_not_know() -> None:
    assert tuple(
        name
        for name in columns("conflict_features")
        if name not in ("tenant_id", "moment_id", "moment_no", "day_number")
    ) == (
        *FEATURE_NAMES,
        SILENT_OVERLAP,
    )


def test_the_macro_that_names_them_all_names_them_in_order() -> None:
    macros = (ROOT / "dbt_project" / "macros" / "features.sql").read_text(encoding="utf-8")
    listed = re.findall(r"return\(\[(.*?)\]\)", macros, re.DOTALL)

    assert tuple(name for one in listed for name in re.findall(r"'(\w+)'", one)) == FEATURE_NAMES


def test_the_online_function_answers_with_exactly_these(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        ((names, kinds),) = connection.execute(
            "SELECT proargnames[pronargs + 1:], proallargtypes[pronargs + 1:]::regtype[]::text[] FROM pg_proc "
            "WHERE oid = 'sync.online_features'::regproc"
        ).fetchall()

    assert tuple(names) == ("item", "as_of_seq", "asked_at", "record_version", "is_hidden", *FEATURE_NAMES)
    assert set(kinds[5:]) == {"double precision"}


def test_the_prediction_server_has_the_same_defaults_in_the_same_order() -> None:
    assert list(served.DEFAULTS.items()) == list(DEFAULTS.items())


def test_the_page_is_what_the_contract_says() -> None:
    written = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")

    assert written == feature_page.page(), "write it anew: python -m ml.feature_page > docs/features.md"
