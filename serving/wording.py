"""The warning as a person reads it. Facts that were seen, in the order in which they raised the risk."""

from collections.abc import Mapping

from serving.risk import Factor


def warning(entity_type: str, values: Mapping[str, float], versions_behind: int, factors: tuple[Factor, ...]) -> str:
    """Why this edit is likely to conflict, and what to do about it."""
    thing = entity_type.replace("_", " ")
    behind = [_behind(f"the {thing}", versions_behind)] if versions_behind > 0 else []
    because = _because(behind + [_fact(factor, values, f"this {thing}", "it") for factor in factors])
    return f"Your change to this {thing} is likely to conflict{because}. Sync now, or talk to the others first."


def push_warning(values: Mapping[str, float], factors: tuple[Factor, ...]) -> str:
    """The same of a whole push; `values` are those of its worst records, or of all together."""
    one = "one of the records"
    versions = int(values["versions_behind"])
    behind = [_behind(one, versions)] if versions > 0 else []
    because = _because(behind + [_fact(factor, values, one, one) for factor in factors])
    return f"One of these changes is likely to conflict{because}. Sync now, or talk to the others first."


def _because(facts: list[str]) -> str:
    reasons = "; ".join(dict.fromkeys(fact for fact in facts if fact))
    return f": {reasons}" if reasons else ""


def _behind(thing: str, versions: int) -> str:
    return f"your copy of {thing} is {_count(versions, 'version')} behind"


def _fact(factor: Factor, values: Mapping[str, float], thing: str, it: str) -> str:
    match factor.feature:
        case "concurrent_editors":
            editors = int(values["concurrent_editors"])
            return f"{_count(editors, 'other person is', 'other people are')} working on {it} right now"
        case "field_overlap_score":
            return "others have lately been changing the same fields"
        case "fields_behind" | "fields_behind_share":
            fields = int(values["fields_behind"])
            return f"{_count(fields, 'field that you edit has', 'fields that you edit have')} changed since your copy"
        case "open_overlap_recent" | "open_fields_shared":
            fields = int(values["open_fields_shared"])
            return f"somebody else is editing {_count(fields, 'field')} of yours right now"
        case "open_edits_same_user":
            return f"you have {it} open on {_count(int(values['open_edits_same_user']), 'other device')}"
        case "open_edits" | "open_same_base":
            return f"{it} is open in {_count(int(values['open_edits']), 'other place')}"
        case "entity_edit_frequency":
            return f"{thing} is changed often"
        case "user_conflict_rate":
            return "your recent changes have often met others'"
        case "hours_since_last_sync":
            return f"you last synced {it} {_ago(values['hours_since_last_sync'])}"
        case "record_conflicts_180d":
            times = int(values["record_conflicts_180d"])
            return f"changes to {thing} have collided {_count(times, 'time')} in the last six months"
        case "record_events_90d":
            return f"{thing} is changed often"
        case "type_conflict_rate":
            return "changes to records of this kind often collide"
        case "tenant_conflict_share":
            return "many of your team's recent syncs have collided"
        case "user_push_conflict_rate":
            return "your recent changes have often met others'"
        case "user_open_log_seconds":
            return "your changes are usually open for long before they are synced"
        case "edit_age_hours":
            return f"you have had {it} open for {_for(values['edit_age_hours'])}"
        case "records_open":
            return f"{_count(int(values['records_open']), 'record')} would go out together"
        case _:
            return ""


def _ago(hours: float) -> str:
    return "more than a week ago, or never" if hours >= 168 else f"{_for(hours)} ago"


def _for(hours: float) -> str:
    if hours >= 48:
        return f"{int(hours // 24)} days"
    return _count(int(hours), "hour") if hours >= 1 else "less than an hour"


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"
