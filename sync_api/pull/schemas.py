"""The feed in OpenAPI's words. The route hands on what PostgreSQL built; these models say what that is."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class ChangeOut(BaseModel):
    """A record as it is now, at its place in the tenant's order."""

    seq: int = Field(description="The place in the feed. Grows in the order of commits.")
    entity: str
    server_id: str
    op: Literal["upsert", "delete", "remove"] = Field(
        description="upsert: this is the record. delete: it was deleted. remove: you may no longer see it."
    )
    version: int | None = Field(description="null for remove")
    data: dict[str, Any] | None = Field(description="All fields of an upsert; null otherwise.")
    by_device: str | None = Field(description="The device that wrote last: skip what is your own.")


class ChangesOut(BaseModel):
    """A page of the feed."""

    changes: list[ChangeOut]
    next: int = Field(description="`since` of the next request.")
    has_more: bool = Field(description="Whether the next page has anything right now.")
    epoch: UUID = Field(description="Changes when the server was restored. Send it along: a 410 then says so.")
    begun: int | None = Field(
        description="Where the feed stood when you began to read from 0: send it along with every following page, or a "
        "410 may meet you halfway. null once you are through."
    )


class DigestOut(BaseModel):
    """What a replica of one entity type must come to."""

    entity: str
    count: int = Field(description="How many records there are.")
    sha256: str = Field(
        description="Hex SHA-256 of the RFC 8785 JSON of [{data, id, version}, …], ordered by id (by code point)."
    )
    seq: int = Field(description="The feed's position that this holds for: a client that has read so far compares.")
    epoch: UUID
