"""The terms of a replay, agreed with the server before anything is sent: types, policy, time, announcements."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from foresync.client import ApiError, SyncClient
from foresync.replay.history import History
from foresync.replay.times import DAYS, to_datetime


class ReplayError(ValueError):
    """The replay cannot be done as asked; the text says why and what would help."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a replay is made of. `speed` None: as fast as answers come; `policy` None: the tenant's own, untouched."""

    speed: float | None = None
    presence_share: float = 0.5
    seed: int = 0
    keep_times: bool = False
    policy: str | None = "client_wins"


def prepare(client: SyncClient, tenant: str, history: History, policy: str | None) -> None:
    """See that the tenant knows the history's types and has the policy. Raises ReplayError for a missing type."""
    known = {declared["name"] for declared in client.entity_types()["entity_types"]}
    if missing := history.entity_types - known:
        raise ReplayError(
            f"tenant {tenant} has no entity type {', '.join(sorted(missing))}; declare them first: "
            "foresync entity-types load FILE"
        )
    if policy is not None and _default_strategy(client) != policy:
        client.put_policy("*", policy)


def _default_strategy(client: SyncClient) -> str | None:
    try:
        return client.policy("*").strategy
    except ApiError as error:
        if error.code == "policy_not_found":
            return None
        raise


def anchor(client: SyncClient, history: History, options: Options) -> tuple[datetime, dict[str, Any]]:
    """The stored anchor and mapping, or ours if there was none.

    What is announced is part of the changes, and so fixed with it: ReplayError when other terms are asked for later.
    """
    first, last = (to_datetime(moment) for moment in history.span)
    mapping = {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "keep_times": options.keep_times,
        "days": DAYS,
        "presence_share": options.presence_share,
        "seed": options.seed,
    }
    now = datetime.now(UTC).replace(microsecond=0)
    stored = client.put_anchor(history.digest, last if options.keep_times else now, mapping)
    differing = [f"{key} is {stored.mapping.get(key)!r}" for key in mapping if stored.mapping.get(key) != mapping[key]]
    if differing:
        raise ReplayError(
            "this tenant holds this history under other terms, and changes already answered cannot be sent otherwise: "
            + ", ".join(differing)
        )
    return stored.anchor_at, stored.mapping
