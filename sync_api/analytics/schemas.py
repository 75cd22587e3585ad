"""What the operator is told, as the OpenAPI document describes it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

Bucket = Literal["hour", "day"]
RunStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class Figures(BaseModel):
    """What was pushed in some hours. Rates and means are null when there was nothing to take them of."""

    total_requests: int = Field(description="Pushes.")
    successful_requests: int = Field(description="Pushes that were answered, some with conflicts.")
    failed_requests: int
    avg_duration_ms: float | None = Field(description="Mean milliseconds per push.")
    worst_p95_duration_ms: float | None = Field(description="The 95th percentile of the worst hour.")
    avg_items: float | None = Field(description="Mean changes per push.")
    total_changes: int = Field(description="Changes that took part: applied, merged, unchanged or in conflict.")
    total_conflicts: int = Field(description="Of them, those that collided.")
    auto_resolved_conflicts: int
    manual_conflicts: int
    conflict_rate_pct: float | None = Field(description="Conflicts of changes, percent.")
    bytes_synced: int = Field(description="Bytes in and out, as they went over the wire.")
    bytes_saved_delta: int = Field(description="Bytes that sending changed fields alone has spared.")
    bytes_saved: int = Field(description="The same, and what compression has spared.")
    bandwidth_efficiency_pct: float | None = Field(description="Bytes spared of all that would have gone, percent.")


class Period(Figures):
    """The figures of one hour or day."""

    at: datetime = Field(description="Its beginning, UTC.")


class EntityFigures(BaseModel):
    """One entity type's share."""

    entity: str
    changes: int
    conflicts: int


class DeviceFigures(BaseModel):
    """The devices of the tenant."""

    known: int = Field(description="Devices that ever pushed.")
    seen: int = Field(description="Those whose newest push is not before the window.")
    users_seen: int = Field(description="Their distinct users.")
    avg_score: float | None = Field(description="Mean health, 0 to 100.")
    in_trouble: int = Field(description="Those with something that pulls their health down.")


class Dashboard(BaseModel):
    """The state of sync over a window. Figures are as of `published_at`; open conflicts are as of now."""

    since: datetime
    until: datetime
    published_at: datetime | None = Field(description="How fresh the figures are; null: none are published.")
    totals: Figures
    periods: list[Period] = Field(description="By hour or day; one in which nothing was pushed is left out.")
    by_entity: list[EntityFigures] = Field(description="The most contested first.")
    devices: DeviceFigures
    open_conflicts: dict[str, int] = Field(description="Severity → conflicts that wait for a human.")


class DeviceHealth(BaseModel):
    """How well a device syncs: 60 % success rate, 20 % recency, 20 % freedom from conflicts."""

    device_id: str
    user_id: str
    score: float = Field(description="0 to 100.")
    success_rate_pct: float | None
    conflict_rate_pct: float | None = Field(description="null without events.")
    last_synced_at: datetime | None
    reasons: list[str] = Field(description="failed_requests, not_seen_lately, many_conflicts")
    published_at: datetime


class DeviceHealthPage(BaseModel):
    """Devices, the least healthy first."""

    devices: list[DeviceHealth]
    next: str | None = Field(description="Hand it back as `after`; null at the end.")


class SnapshotRun(BaseModel):
    """A run that brings the published figures up to date."""

    run_id: str
    status: RunStatus
    is_new: bool = Field(description="false: one was under way already, and is told instead of starting a second.")
    url: str = Field(description="Where Dagster shows it.")
