"""What the sync server reads from its environment, once, at the start."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from web.auth import check_secret


class Settings(BaseSettings):
    """Refuses to exist without a database and a secret that is long enough."""

    model_config = SettingsConfigDict(env_prefix="FORESYNC_", extra="ignore")

    api_database_url: str = Field(description="libpq URL, as the role foresync_api")
    jwt_secret: Annotated[str, AfterValidator(check_secret)] = Field(repr=False)
    serving_url: str = "http://127.0.0.1:8001"
    dagster_url: str | None = Field(None, description="where the job runs that brings the published figures up to date")
    api_pool_size: int = Field(16, ge=2, le=200)
    api_max_body_bytes: int = Field(16 * 1024 * 1024, ge=1024)
    api_streams: int = Field(2000, ge=1, description="Open streams of one process.")
    api_streams_per_user: int = Field(16, ge=1, description="Open streams of one user on one process.")
    api_stream_heartbeat_seconds: float = Field(15.0, gt=0, description="Below the idle timeout of any proxy between.")
    api_stream_seconds: float = Field(3600.0, gt=0, description="How long a stream lasts before its client comes back.")
