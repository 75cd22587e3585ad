"""The row of a push in sync_request: how many of what, how many bytes, how long. The analytics come from here."""

import time
from collections import Counter

from sync_api.push.answers import Answer
from sync_api.push.prepare import Sender
from sync_api.push.rows import RequestRow


def request_row(sender: Sender, number: int, answer: Answer, tally: Counter[str], length: int) -> RequestRow:
    """number: of the sender. length: the place in the tenant's order, counted from the start of the transaction."""
    items = sum(map(len, answer.lists.values()))
    failed = tally["rejected"] + tally["conflict"]
    return RequestRow(
        sender=number,
        kind=sender.kind,
        status="success" if not failed else "failed" if failed == items else "partial",
        item_count=items,
        applied_count=tally["applied"],
        merged_count=tally["merged"],
        unchanged_count=tally["unchanged"],
        conflict_count=tally["conflict"],
        auto_resolved_count=tally["auto_resolved"],
        rejected_count=tally["rejected"],
        replayed_count=answer.replayed,
        bytes_in=sender.size,
        bytes_out=sum(len(item) + 1 for items_ in answer.lists.values() for item in items_),
        bytes_saved_delta=tally["saved"],
        bytes_saved_compression=max(0, sender.size - sender.wire_size),
        duration_ms=(time.perf_counter() - sender.started) * 1000,
        client_time=sender.client_time,
        ord=length,
    )
