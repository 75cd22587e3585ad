"""The third engine: a Spark session over the lake makes the same tables as DuckDB does.

Not among the other tests: it needs the extra `spark`, in an environment of its own, and a Java (`make test-spark`).
"""

import os
import sys
from pathlib import Path

import pytest

# as for the other engines, whose helpers these are
sys.path.insert(0, str(Path(__file__).parents[1]))

from engines import differences, fetch_from_postgres, models, warehouse_in_postgres, written_by_spark
from feature_history import random_history
from many_events import SAMPLE, insert_histories
from operational_rows import insert
from warehouse_under_test import Warehouse

# of whatever histories there are: those of this folder, or the sample alone
HISTORIES = os.environ.get("FORESYNC_HISTORIES", str(SAMPLE.parent))
EVENTS = 100_000
PYTHON = os.environ.get("FORESYNC_SPARK_PYTHON", str(Path(__file__).parents[3] / ".venv-spark" / "bin" / "python"))


@pytest.mark.timeout(1200)
def test_spark_makes_every_table_the_same(database_url: str, ingest_url: str, tmp_path: Path) -> None:
    insert(database_url, random_history(seed=11, changes=500))
    warehouse = Warehouse(tmp_path)
    warehouse.copy_from(ingest_url)
    warehouse.dbt("run")
    found = models(warehouse)

    warehouse.dbt("run", python=PYTHON, FORESYNC_DBT_TARGET="spark", SPARK_LOCAL_IP="127.0.0.1")

    assert len(found) > 14
    assert warehouse.rows("SELECT count(*) > 300 AS enough FROM features.training_examples") == [{"enough": True}]
    assert differences(warehouse, found, written_by_spark(tmp_path / "spark-warehouse", found)) == {}


@pytest.mark.timeout(3000)
def test_all_three_make_every_table_the_same_of_real_events(database_url: str, ingest_url: str, tmp_path: Path) -> None:
    files = sorted(Path(HISTORIES).glob("*.parquet"))
    insert_histories(database_url, files, EVENTS)
    warehouse = Warehouse(tmp_path)
    warehouse.copy_all_from(ingest_url)
    warehouse.dbt("run")
    found = models(warehouse)
    url, environment = warehouse_in_postgres(database_url)

    warehouse.dbt("run", **environment)
    warehouse.dbt("run", python=PYTHON, FORESYNC_DBT_TARGET="spark", SPARK_LOCAL_IP="127.0.0.1")

    counts = warehouse.rows("SELECT tenant_id, count(*) AS events FROM intermediate.int_events GROUP BY ALL")
    events = {one["tenant_id"]: one["events"] for one in counts if one["tenant_id"] in {file.stem for file in files}}
    assert len(events) == len(files)
    assert sum(events.values()) > min(0.8 * EVENTS, 10_000 * len(files))
    assert differences(warehouse, found, fetch_from_postgres(url, found, tmp_path)) == {}
    assert differences(warehouse, found, written_by_spark(tmp_path / "spark-warehouse", found)) == {}
