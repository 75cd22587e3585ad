"""What orchestration reads from its environment, and nothing else of the environment is read anywhere in this room."""

from datetime import date
from functools import cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_FOLDER = Path(__file__).parents[1]
DBT_PROJECT_FOLDER = PROJECT_FOLDER / "dbt_project"


class PartitionSettings(BaseSettings):
    """What the definitions themselves depend on: readable before any server exists."""

    model_config = SettingsConfigDict(env_prefix="FORESYNC_", frozen=True)

    first_day: date = Field(
        default=date(2025, 1, 1), description="First day partition; fixed for the life of a platform."
    )


class RetentionSettings(BaseSettings):
    """How long the operational database keeps what devices may still ask for."""

    model_config = SettingsConfigDict(env_prefix="FORESYNC_", frozen=True)

    retention_days: int = Field(default=90, ge=1, description="Devices that read the feed as often lose nothing.")


class Settings(PartitionSettings):
    """Where the operational database, the lake, the warehouse and MLflow are. Raises when one is not set."""

    ingest_database_url: str = Field(description="libpq URL, role foresync_ingest.")
    publish_database_url: str = Field(description="libpq URL, role foresync_publish.")
    lake_url: str = Field(description="`file:///…`, the root of the Parquet lake.")
    warehouse_path: Path = Field(description="The DuckDB file.")
    # `ml` reads it by itself; without it MLflow would quietly start a store of its own in the working folder
    mlflow_tracking_uri: str = Field(validation_alias="MLFLOW_TRACKING_URI", description="The MLflow server.")


@cache
def settings() -> Settings:
    """The environment's settings, read once."""
    return Settings()
