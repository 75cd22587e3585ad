"""The client reads the feed of a real server."""

import pytest

from foresync.client import ResyncRequiredError, SyncClient
from tests.replay.conftest import Tenant


def test_a_client_reads_the_feed_page_by_page(tenant: Tenant) -> None:
    with SyncClient(tenant.url, tenant.token) as client:
        named = [{"entity": "doc", "op": "create", "offline_id": f"o{n}", "server_id": f"e{n}"} for n in range(3)]
        client.push("tablet", [one | {"data": {"r0": "é"}} for one in named])
        gone = {"entity": "doc", "op": "delete", "offline_id": "d", "server_id": "e0", "client_version": 1}
        client.push("desk", [gone])

        first = client.changes(limit=2, entities=["doc", "source"])
        second = client.changes(first.next, limit=2, entities=["doc", "source"], epoch=first.epoch)
        with pytest.raises(ResyncRequiredError) as resync:
            client.changes(second.next + 1)

    assert [(c.server_id, c.op, c.version, c.data, c.by_device) for c in first.changes + second.changes] == [
        ("e1", "upsert", 1, {"r0": "é"}, "tablet"),
        ("e2", "upsert", 1, {"r0": "é"}, "tablet"),
        ("e0", "delete", 2, None, "desk"),
    ]
    assert (first.has_more, second.has_more) == (True, False)
    assert (resync.value.code, resync.value.retryable) == ("resync_required", False)
