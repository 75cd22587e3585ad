"""What the prediction server reads from its environment. It refuses to start without its secrets."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from web.auth import check_secret


def _long_enough(secret: SecretStr) -> SecretStr:
    check_secret(secret.get_secret_value())
    return secret


class Settings(BaseSettings):
    """Read by name from the environment; a missing or senseless value is an error that names it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    database_url: SecretStr = Field(validation_alias="FORESYNC_SERVING_DATABASE_URL")
    jwt_secret: Annotated[SecretStr, AfterValidator(_long_enough)] = Field(validation_alias="FORESYNC_JWT_SECRET")
    # without a registry the server lives on its cache
    tracking_uri: AnyHttpUrl | None = Field(default=None, validation_alias="MLFLOW_TRACKING_URI")
    tracking_username: str | None = Field(default=None, validation_alias="MLFLOW_TRACKING_USERNAME")
    tracking_password: SecretStr | None = Field(default=None, validation_alias="MLFLOW_TRACKING_PASSWORD")
    model_cache: Path = Field(default=Path(".foresync/model-cache"), validation_alias="FORESYNC_MODEL_CACHE")
    # seconds between two looks at the alias
    model_poll: float = Field(default=3.0, gt=0, le=60, validation_alias="FORESYNC_MODEL_POLL_SECONDS")
    # the share of warnings that is withheld, to measure what warnings achieve
    withhold_share: float = Field(default=0.05, ge=0, le=1, validation_alias="FORESYNC_WITHHOLD_SHARE")
    # two statements at once keep PostgreSQL busy while the model is asked; more make the groups smaller
    connections: int = Field(default=2, ge=1, le=64, validation_alias="FORESYNC_SERVING_CONNECTIONS")
    log_buffer: int = Field(default=10_000, ge=1, validation_alias="FORESYNC_PREDICTION_LOG_BUFFER")
