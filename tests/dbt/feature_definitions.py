"""The features, one row at a time, straight from their definitions: what the SQL is compared with."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from feature_history import OPEN_FROM, OPEN_TO, Change, Row, Said

EVENTS = ("applied", "merged", "conflict")
# less than the project's own, so that a small history has more
MOST_EVENTS, RECENT_PUSHES = 20, 50


@dataclass(frozen=True)
class Moment:
    """What the SQL should make of one event at one moment."""

    event_id: str
    moment: str
    asked_at: datetime
    as_of_seq: int
    is_announced: bool
    features: dict[str, float]
    silent_overlap_score: float


def moments(history: list[Row], tenant: str) -> list[Moment]:
    """Every moment of every event of the tenant."""
    rows = [row for row in history if row.tenant == tenant]
    events = [row for row in rows if isinstance(row, Change) and row.outcome in EVENTS]
    found = []
    for event in events:
        found.append(_moment(rows, event, "edit_start", event.edited_at))
        push = [other for other in events if other.sync_id == event.sync_id]
        later = min(other.edited_at for other in push) + timedelta(seconds=_delay(event))
        if event.edited_at <= later < event.received_at:
            found.append(_moment(rows, event, "edit_open", later))
    return found


def _delay(event: Change) -> int:
    """Drawn from what the client named: no two platforms give a push the same id."""
    drawn = int(hashlib.md5(f"{event.tenant}/{event.sync_session_id}".encode()).hexdigest()[:8], 16) / 2**32
    return math.floor(OPEN_FROM * math.exp(drawn * math.log(OPEN_TO / OPEN_FROM)))


def _moment(rows: list[Row], event: Change, moment: str, asked_at: datetime) -> Moment:
    unseen = min(row.seq for row in rows if row.received_at >= asked_at)
    as_of_seq = max((row.seq for row in rows if row.seq < unseen), default=0)
    seen = [row for row in rows if row.seq <= as_of_seq]
    own_words = [
        row for row in rows if isinstance(row, Said) and row.edit_id == event.edit_id and row.received_at <= asked_at
    ]
    last = max(own_words, key=lambda row: row.seq) if own_words else None
    announced, base = (last.fields, last.base_version) if last else ((), None)
    features = _features(seen, event, asked_at, announced)
    features |= behind(seen, event.entity, asked_at, announced, base)
    features |= open_edits(seen, event, asked_at, announced, base)
    features |= histories(seen, event, asked_at)
    features["edit_age_hours"] = (asked_at - event.edited_at) / timedelta(hours=1)
    features["records_open"] = 1.0
    features["is_announced"] = float(bool(announced) or base is not None)
    silent = _features(seen, event, asked_at, ())["field_overlap_score"]
    return Moment(event.event_id, moment, asked_at, as_of_seq, bool(features["is_announced"]), features, silent)


def _features(seen: list[Row], event: Change, asked_at: datetime, announced: tuple[str, ...]) -> dict[str, float]:
    events = [row for row in seen if isinstance(row, Change) and row.outcome in EVENTS]
    mine = [row for row in events if row.user == event.user]
    here = [row for row in events if row.entity == event.entity]
    mine_here = [row.received_at for row in here if row.user == event.user]
    age = (asked_at - min(row.received_at for row in here)) / timedelta(days=1) if here else 0.0
    since = (asked_at - max(mine_here)) / timedelta(hours=1) if mine_here else 168.0
    return {
        "concurrent_editors": float(len(_editors(seen, here, event, asked_at))),
        "hours_since_last_sync": min(168.0, since),
        "user_conflict_rate": 100.0 * sum(row.conflicted for row in mine) / len(mine) if mine else 0.0,
        "entity_edit_frequency": len(here) / max(1.0, age),
        "field_overlap_score": _overlap(events, here, event, announced),
    }


def _editors(seen: list[Row], here: list[Change], event: Change, asked_at: datetime) -> set[str]:
    recent = {row.user for row in here if asked_at - timedelta(minutes=5) < row.received_at < asked_at}
    return (recent | {said.user for said in _open(seen, event.entity, asked_at)}) - {event.user}


def _open(seen: list[Row], entity: tuple[str, str], asked_at: datetime) -> list[Said]:
    """The newest word of every edit of the record that is open."""
    newest: dict[str, Said] = {}
    for row in seen:
        if isinstance(row, Said) and row.entity == entity:
            newest[row.edit_id] = max(newest.get(row.edit_id, row), row, key=lambda said: said.seq)
    return [said for said in newest.values() if said.event != "closed" and said.expires_at > asked_at]


def behind(
    seen: list[Row], entity: tuple[str, str], asked_at: datetime, announced: tuple[str, ...], base: int | None
) -> dict[str, float]:
    """What was written to the record since the announced version."""
    written = [row for row in seen if isinstance(row, Change) and row.entity == entity and row.new_version is not None]
    missed = [row for row in written if base is not None and row.new_version > base]
    fields = {f for f in announced if any(f in row.fields or row.operation == "delete" for row in missed)}
    first = min(missed, key=lambda row: row.seq).received_at if missed else asked_at
    return {
        "versions_behind": float(len(missed)),
        "fields_behind": float(len(fields)),
        "fields_behind_share": len(fields) / len(set(announced)) if announced else 0.0,
        "hours_behind": (asked_at - first) / timedelta(hours=1),
    }


def open_edits(
    seen: list[Row], asker: Change, asked_at: datetime, announced: tuple[str, ...], base: int | None
) -> dict[str, float]:
    """Others' open edits of the record: of another (user, device)."""
    others = [
        said
        for said in _open(seen, asker.entity, asked_at)
        if said.edit_id != asker.edit_id and (said.user, said.device) != (asker.user, asker.device)
    ]
    sharing = [said for said in others if set(said.fields) & set(announced)]
    opened = [
        min(row.received_at for row in seen if isinstance(row, Said) and row.edit_id == said.edit_id)
        for said in sharing
    ]
    return {
        "open_edits": float(len(others)),
        "open_edits_same_user": float(sum(said.user == asker.user for said in others)),
        "open_overlap_recent": sum(math.exp(-((asked_at - at) / timedelta(hours=72))) for at in opened),
        "open_fields_shared": float(len({f for said in sharing for f in said.fields} & set(announced))),
        "open_same_base": float(sum(said.base_version == base for said in others) if base is not None else 0),
    }


def histories(seen: list[Row], asker: Change, asked_at: datetime) -> dict[str, float]:
    """Conflicts and open times of the record, the type, the tenant and the user."""
    events = [row for row in seen if isinstance(row, Change) and row.outcome in EVENTS]
    timed = [row for row in events if row.edited_at < row.received_at]
    here = [row for row in events if row.entity == asker.entity]
    lately = [row for row in here if row.received_at > asked_at - timedelta(days=180) and row in timed]
    of_type = [row for row in timed if row.entity[0] == asker.entity[0]]
    pushes = sorted(_pushes(timed), key=lambda push: push[-1].seq)
    last, mine = pushes[-RECENT_PUSHES:], [push for push in pushes if push[0].user == asker.user]
    g = (sum(row.conflicted for row in timed) + 1) / (len(timed) + 50)
    h = (_conflicted(pushes) + 1) / (len(pushes) + 20)
    m = sum(map(_open_log, last)) / len(last) if last else math.log(86_400)
    return {
        "record_conflicts_180d": float(min(MOST_EVENTS, sum(row.conflicted for row in lately))),
        "record_events_90d": float(
            min(MOST_EVENTS, sum(row.received_at > asked_at - timedelta(days=90) for row in here))
        ),
        "type_conflict_rate": (sum(row.conflicted for row in of_type) + 20 * g) / (len(of_type) + 20),
        "tenant_conflict_share": (_conflicted(last) + 1) / (len(last) + 20),
        "user_push_conflict_rate": (_conflicted(mine) + 5 * h) / (len(mine) + 5),
        "user_open_log_seconds": (sum(map(_open_log, mine)) + 5 * m) / (len(mine) + 5),
    }


def _pushes(timed: list[Change]) -> list[list[Change]]:
    found: dict[object, list[Change]] = {}
    for row in timed:
        found.setdefault((row.received_at, row.user, row.device), []).append(row)
    return list(found.values())


def _conflicted(pushes: list[list[Change]]) -> int:
    return sum(any(row.conflicted for row in push) for push in pushes)


def _open_log(push: list[Change]) -> float:
    return math.log(max(60.0, max((row.received_at - row.edited_at).total_seconds() for row in push)))


def _overlap(events: list[Change], here: list[Change], event: Change, announced: tuple[str, ...]) -> float:
    others = _last([row for row in here if row.user != event.user], 20)
    same_type = _last([row for row in events if row.entity[0] == event.entity[0]], 200)
    missed = 1.0
    for field in {name for row in others for name in row.fields}:
        q = sum(field in row.fields for row in others) / len(others)
        p = float(field in announced) if announced else sum(field in row.fields for row in same_type) / len(same_type)
        missed *= 1.0 - p * q
    return 1.0 - missed


def _last(rows: list[Change], number: int) -> list[Change]:
    return sorted(rows, key=lambda row: (row.received_at, row.seq))[-number:]
