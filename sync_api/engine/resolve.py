"""Who wins a colliding field: the field's rule first, then the policy. One field at a time, no side effects."""

import hashlib
import json
from collections.abc import Mapping

from sync_api.engine import merge
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.hidden import Hidden, NeedsContent
from sync_api.engine.merge import NOT_MERGEABLE
from sync_api.engine.values import DELETED, Change, FieldConflict, Json, Record, Stamp, same

COMBINING = frozenset({"set_merge", "true_wins", "monotonic", "max", "min"})


def resolve(name: str, change: Change, record: Record, base: Json, kind: EntityType, policy: Policy) -> FieldConflict:
    """How the collision on one field is settled; winner `none` leaves it to a person."""
    client, server = change.data.get(name), record.data.get(name)
    if not policy.auto_resolve:
        return FieldConflict(base, client, server, "manual", "none", server)
    rule = rule_of(name, kind, policy)
    if rule is not None:
        try:
            value = _by_rule(rule, name, change, record, base, kind)
        except NeedsContent as needs:  # that the rule settles it is certain, and only that
            return FieldConflict(base, client, server, rule, None, Hidden(needs.origin, None))
        if value is not NOT_MERGEABLE:
            return _settled(base, client, server, rule, value)
        if rule == "manual":
            return FieldConflict(base, client, server, rule, "none", server)
    value = _by_strategy(policy.strategy, name, change, record, kind)
    if value is NOT_MERGEABLE:
        return FieldConflict(base, client, server, policy.strategy, "none", server)
    return _settled(base, client, server, policy.strategy, value)


def resolve_deletion(change: Change, record: Record, rivals: list[str], base: Json, policy: Policy) -> FieldConflict:
    """A delete against an update, from either side: the policy alone decides, and only some can."""
    client, server = change.op == "delete", record.is_deleted
    strategy = policy.strategy if policy.auto_resolve else "manual"
    match strategy:
        case "client_wins":
            return FieldConflict(base, client, server, strategy, "client", client)
        case "server_wins":
            return FieldConflict(base, client, server, strategy, "server", server)
        case "most_recent_wins":
            newest = max((record.stamps[name] for name in rivals), key=lambda stamp: str(stamp["edited_at"]))
            if is_more_recent(change, client, newest, server):
                return FieldConflict(base, client, server, strategy, "client", client)
            return FieldConflict(base, client, server, strategy, "server", server)
        case _:
            return FieldConflict(base, client, server, strategy, "none", server)


def rule_of(name: str, kind: EntityType, policy: Policy) -> str | None:
    """The rule of a field: a tenant's own word on it stands above the type's."""
    declared = kind.fields.get(name)
    return policy.field_rules.get(name) or (declared.rule if declared else None)


def combines(rule: str, name: str, kind: EntityType) -> bool:
    """Whether what settled the field looked at what was said, rather than at who said it or when."""
    return rule in COMBINING or (rule == "preserve_escalation" and name == kind.escalation_field)


def is_more_recent(change: Change, client: Json, stamp: Stamp, server: Json) -> bool:
    """Whether the client's edit is the later; ties by device, then by hash, so that every server agrees."""
    ours, theirs = (change.edited_at, change.device), (stamp["edited_at"], stamp["device"])
    return ours > theirs if ours != theirs else _digest(client) > _digest(server)


def hint(name: str, kind: EntityType, policy: Policy, values: tuple[Json, Json]) -> str:
    """How a person might merge the field."""
    if rule := rule_of(name, kind, policy):
        return rule
    if all(isinstance(value, list) for value in values):
        return "set_merge"
    return "manual" if name == DELETED else "last_write_wins"


def _by_rule(rule: str, name: str, change: Change, record: Record, base: Json, kind: EntityType) -> Json:
    client, server = change.data.get(name), record.data.get(name)
    match rule:
        case "set_merge":
            return merge.merge_sets(base, client, server)
        case "true_wins":
            return merge.true_wins(client, server)
        case "monotonic":
            declared = kind.fields.get(name)
            return merge.further(declared.order if declared else (), client, server)
        case "max":
            return merge.greater(client, server)
        case "min":
            return merge.lesser(client, server)
        case "last_write_wins":
            return client if is_more_recent(change, client, record.stamps[name], server) else server
        case _:
            return NOT_MERGEABLE


def _by_strategy(strategy: str, name: str, change: Change, record: Record, kind: EntityType) -> Json:
    client, server = change.data.get(name), record.data.get(name)
    match strategy:
        case "client_wins":
            return client
        case "server_wins":
            return server
        case "preserve_escalation" if name == kind.escalation_field:
            return merge.further(kind.escalation_order, client, server)
        case "most_recent_wins" | "preserve_escalation":
            return client if is_more_recent(change, client, record.stamps[name], server) else server
        case _:
            return NOT_MERGEABLE


def _settled(base: Json, client: Json, server: Json, rule: str, value: Json) -> FieldConflict:
    if same(value, client):
        return FieldConflict(base, client, server, rule, "client", value)
    if same(value, server):
        return FieldConflict(base, client, server, rule, "server", value)
    return FieldConflict(base, client, server, rule, "merged", value)


def _digest(value: Json) -> str:
    if type(value) is Hidden:
        raise NeedsContent(value.origin)
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def as_json(fields: Mapping[str, FieldConflict]) -> dict[str, dict[str, Json]]:
    """`field_conflicts` as it is stored: field → {base, client, server, rule, winner, value}."""
    return {
        name: {
            "base": field.base,
            "client": field.client,
            "server": field.server,
            "rule": field.rule,
            "winner": field.winner,
            "value": field.value,
        }
        for name, field in fields.items()
    }
