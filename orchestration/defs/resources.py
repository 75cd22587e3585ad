"""What assets are given: the lake, the operational database, dbt."""

import sys
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource

from orchestration.settings import DBT_PROJECT_FOLDER


@dg.definitions
def resources() -> dg.Definitions:
    dbt = DbtCliResource(
        project_dir=str(DBT_PROJECT_FOLDER),
        profiles_dir=str(DBT_PROJECT_FOLDER),
        # the environment's own, whatever PATH says
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
    )
    return dg.Definitions(resources={"dbt": dbt}, executor=dg.in_process_executor)
