"""A training set out of a real edit history, for the tests: the features of the contract, point in time.

A plain second computation, one record after the other, for examples only; the product's own is the warehouse's SQL.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SAMPLE = Path(__file__).parents[2] / "sample_data" / "jupyter__notebook.parquet"
HOUR = 3600.0
DAY = 24 * HOUR
MIN_DELAY, MAX_DELAY = 5 * 60.0, 30 * DAY


def training_set(path: Path = SAMPLE, *, days: int | None = 90, presence: float = 0.5) -> pd.DataFrame:
    """The history's training set. `days` maps its time onto so many days ending now-ish (None keeps its own)."""
    events = _events(path, days=days, presence=presence)
    asked = pd.concat([_edit_start(events), _edit_open(events)], ignore_index=True)
    features = _features(events, asked)
    return pd.concat([_labelled(asked, is_mapped=days is not None), features], axis=1)


def _events(path: Path, *, days: int | None, presence: float) -> pd.DataFrame:
    raw = pd.read_parquet(path)
    raw = raw[raw["applied"]].sort_values(["push_id", "entity_id"], ignore_index=True)
    seconds = {name: raw[name].astype("int64").to_numpy() / 1e6 for name in ("edited_at", "synced_at")}
    if days is not None:
        start, end = seconds["synced_at"].min(), seconds["synced_at"].max()
        last = pd.Timestamp("2026-11-20", tz="UTC").timestamp()
        seconds = {k: last + (v - end) * (days * DAY / (end - start)) for k, v in seconds.items()}
    announcing = np.random.default_rng(7).random(int(raw["push_id"].max()) + 1) < presence
    return raw.assign(
        edited=np.minimum(seconds["edited_at"], seconds["synced_at"]),
        received=seconds["synced_at"],
        seq=np.arange(1, len(raw) + 1),
        announced=announcing[raw["push_id"]] & raw["is_merge"],
        fields=[frozenset(f) for f in raw["fields_client"]],
    )


def _edit_start(events: pd.DataFrame) -> pd.DataFrame:
    return events.assign(moment="edit_start", asked=events["edited"])


def _edit_open(events: pd.DataFrame) -> pd.DataFrame:
    spread = np.log(MAX_DELAY / MIN_DELAY)
    delay = MIN_DELAY * np.exp(np.random.default_rng(11).random(len(events)) * spread)
    asked = events.assign(moment="edit_open", asked=events["edited"] + delay)
    return asked[asked["asked"] < asked["received"]]


def _features(events: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    past = _Past(events)
    rows = [past.features(ask) for ask in asked.itertuples(index=False)]
    return pd.DataFrame(rows, index=asked.index)


def _labelled(asked: pd.DataFrame, *, is_mapped: bool) -> pd.DataFrame:
    user, push, entity = (asked[name].astype(str) for name in ("user_id", "push_id", "entity_id"))
    received = np.sort(asked.drop_duplicates("seq")["received"].to_numpy())
    return pd.DataFrame(
        {
            "tenant_id": asked["tenant"].astype(str).str.replace("/", "-"),
            "event_id": "v" + asked["seq"].astype(str),
            "sync_session_id": "p" + push,
            "user_id": "u" + user,
            "device_id": "u" + user + np.where(asked["is_merge"], "-m" + push, "-main"),
            "entity_type": asked["entity_type"].astype(str),
            "entity_id": "e" + entity,
            "moment": asked["moment"],
            "asked_at": pd.to_datetime(asked["asked"], unit="s", utc=True),
            "as_of_seq": np.searchsorted(received, asked["asked"].to_numpy(), side="left"),
            "received_at": pd.to_datetime(asked["received"], unit="s", utc=True),
            "is_mapped_time": is_mapped,
            "announce_draw": asked["push_id"].map(lambda push: random.Random(push).random()),
            "conflict_occurred": asked["field_collision"] & asked["is_merge"],
        }
    )


class _Past:
    """Every event by record, by user and by (type, field), in the order received."""

    def __init__(self, events: pd.DataFrame) -> None:
        self.records: dict[int, list[Any]] = defaultdict(list)
        self.open_edits: dict[int, list[Any]] = defaultdict(list)
        self.users: dict[int, list[Any]] = defaultdict(list)
        self.types: dict[str, list[float]] = defaultdict(list)
        self.type_fields: dict[tuple[str, int], list[int]] = defaultdict(list)
        self.rates = _Rates(events)
        for event in events.itertuples(index=False):
            self.records[event.entity_id].append(event)
            self.users[event.user_id].append((event.received, event.field_collision and event.is_merge))
            for touched in event.fields:
                self.type_fields[event.entity_type, touched].append(len(self.types[event.entity_type]))
            self.types[event.entity_type].append(event.received)
            if event.announced:
                self.open_edits[event.entity_id].append(event)

    def features(self, ask: Any) -> dict[str, float]:
        record = self.records[ask.entity_id]
        before = record[: bisect_left(record, ask.asked, key=lambda event: event.received)]
        own = [event for event in before if event.user_id == ask.user_id]
        mine = self.users[ask.user_id]
        mine = mine[: bisect_left(mine, ask.asked, key=lambda pair: pair[0])]
        age = (ask.asked - before[0].received) / DAY if before else 0.0
        return {
            "concurrent_editors": float(len(self._editors(ask, before))),
            "hours_since_last_sync": min(168.0, (ask.asked - own[-1].received) / HOUR) if own else 168.0,
            "user_conflict_rate": 100.0 * sum(c for _, c in mine) / len(mine) if mine else 0.0,
            "entity_edit_frequency": len(before) / max(1.0, age),
            "field_overlap_score": self._overlap(ask, before, is_announced=ask.announced),
            "silent_overlap_score": self._overlap(ask, before, is_announced=False),
            "is_announced": bool(ask.announced),
            **self._behind(ask, before),
            **self._open(ask),
            "record_conflicts_180d": float(
                min(100, sum(_collided(e) for e in before if e.received > ask.asked - 180 * DAY))
            ),
            "record_events_90d": float(min(100, sum(e.received > ask.asked - 90 * DAY for e in before))),
            **self.rates.at(ask),
            "edit_age_hours": (ask.asked - ask.edited) / HOUR,
            "records_open": 1.0,
        }

    def _behind(self, ask: Any, before: list[Any]) -> dict[str, float]:
        missed = [event for event in before if event.server_version >= ask.client_version] if ask.announced else []
        behind = {f for f in ask.fields if any(f in event.fields or event.op == "delete" for event in missed)}
        return {
            "versions_behind": float(len(missed)),
            "fields_behind": float(len(behind)),
            "fields_behind_share": len(behind) / max(1, len(ask.fields)),
            "hours_behind": (ask.asked - missed[0].received) / HOUR if missed else 0.0,
        }

    def _open(self, ask: Any) -> dict[str, float]:
        edits = self.open_edits[ask.entity_id]
        others = [e for e in edits if e.edited < ask.asked < e.received and e.push_id != ask.push_id]
        fields = ask.fields if ask.announced else frozenset()
        sharing = [e for e in others if e.fields & fields]
        return {
            "open_edits": float(len(others)),
            "open_edits_same_user": float(sum(e.user_id == ask.user_id for e in others)),
            "open_overlap_recent": sum(math.exp(-(ask.asked - e.edited) / (72 * HOUR)) for e in sharing),
            "open_fields_shared": float(len({f for e in sharing for f in e.fields} & fields)),
            "open_same_base": float(sum(ask.announced and e.client_version == ask.client_version for e in others)),
        }

    def _editors(self, ask: Any, before: list[Any]) -> set[int]:
        recent = {event.user_id for event in before if event.received > ask.asked - 300}
        editing = {e.user_id for e in self.open_edits[ask.entity_id] if e.edited < ask.asked < e.received}
        return (recent | editing) - {ask.user_id}

    def _overlap(self, ask: Any, before: list[Any], *, is_announced: bool) -> float:
        others = [event for event in before if event.user_id != ask.user_id][-20:]
        touched: dict[int, int] = defaultdict(int)
        for event in others:
            for name in event.fields:
                touched[name] += 1
        if is_announced:
            p = dict.fromkeys(ask.fields, 1.0)
        else:
            seen = bisect_left(self.types[ask.entity_type], ask.asked)
            first = max(0, seen - 200)
            p = {name: self._share(ask.entity_type, name, first, seen) for name in touched}
        misses = [1.0 - p.get(name, 0.0) * count / len(others) for name, count in touched.items()]
        return float(1.0 - np.prod(misses)) if misses else 0.0

    def _share(self, entity_type: str, name: int, first: int, seen: int) -> float:
        places = self.type_fields[entity_type, name]
        return (bisect_left(places, seen) - bisect_left(places, first)) / max(1, seen - first)


def _collided(event: Any) -> bool:
    return bool(event.edited < event.received and event.field_collision and event.is_merge)


class _Rates:
    """Conflicts of timed events by type, and of timed pushes by user: as running sums, in the order received."""

    def __init__(self, events: pd.DataFrame) -> None:
        timed = events[events["edited"] < events["received"]]
        timed = timed.assign(hit=timed["field_collision"] & timed["is_merge"])
        pushes = timed.groupby("push_id").agg(
            received=("received", "max"), edited=("edited", "min"), user_id=("user_id", "first"), hit=("hit", "any")
        )
        open_log = np.log(np.maximum(60.0, pushes["received"] - pushes["edited"]))
        pushes = pushes.assign(open_log=open_log).sort_values("received", kind="stable")
        self.events = {kind: _sums(rows) for kind, rows in timed.groupby("entity_type")} | {None: _sums(timed)}
        self.pushes = {user: _sums(rows) for user, rows in pushes.groupby("user_id")} | {None: _sums(pushes)}

    def at(self, ask: Any) -> dict[str, float]:
        n, c, _ = _until(self.events.get(ask.entity_type), ask.asked)
        all_n, all_c, _ = _until(self.events[None], ask.asked)
        mine, mine_hit, mine_log = _until(self.pushes.get(ask.user_id), ask.asked)
        pushes, hit, _ = _until(self.pushes[None], ask.asked)
        last, last_hit, last_log = _until(self.pushes[None], ask.asked, most=200)
        g, h = (all_c + 1) / (all_n + 50), (hit + 1) / (pushes + 20)
        m = last_log / last if last else math.log(86_400)
        return {
            "type_conflict_rate": (c + 20 * g) / (n + 20),
            "tenant_conflict_share": (last_hit + 1) / (last + 20),
            "user_push_conflict_rate": (mine_hit + 5 * h) / (mine + 5),
            "user_open_log_seconds": (mine_log + 5 * m) / (mine + 5),
        }


def _sums(rows: pd.DataFrame) -> tuple[Any, Any, Any]:
    """When each was received; the sums of conflicts and of open times before each, and after the last."""
    rows = rows.sort_values("received", kind="stable")
    logs = rows["open_log"] if "open_log" in rows else rows["hit"] * 0.0
    return rows["received"].to_numpy(), np.cumsum([0, *rows["hit"]]), np.cumsum([0.0, *logs])


def _until(sums: tuple[Any, Any, Any] | None, asked: float, most: int | None = None) -> tuple[int, int, float]:
    if sums is None:
        return 0, 0, 0.0
    received, hits, logs = sums
    end = int(np.searchsorted(received, asked, side="left"))
    first = max(0, end - most) if most else 0
    return end - first, int(hits[end] - hits[first]), float(logs[end] - logs[first])
