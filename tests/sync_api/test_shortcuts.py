"""The short ways to the routes that are asked most answer as the routes' own way does. A parameter that nobody knows
makes a request unusual, and sends it there."""

import pytest

from tests.sync_api.running import Tenant, change

UNUSUAL = "&unheard=of"


@pytest.mark.parametrize(
    "query",
    [
        "since=0",
        "since=2&limit=1",
        "since=0&entities=task,permit&epoch={epoch}&begun=1",
        "since=0&epoch=00000000-0000-0000-0000-000000000000",
        "since=99",
        "since=-1",
        "since=0&limit=0",
        "since=one",
        "since=0&entities=Task",
        "since=0&epoch=never",
        "since=0&since=2",
        "since=",
    ],
)
async def test_both_ways_answer_the_same(tenant: Tenant, query: str) -> None:
    await tenant.device("ann").push(*(change("create", server_id=f"r{n}", data={"n": n}) for n in range(3)))
    head = await tenant.http.get("/api/v1/sync/changes", headers=tenant.headers())
    path = "/api/v1/sync/changes?" + query.format(epoch=head.json()["epoch"])
    for path_ in (path, path.replace("changes?", "changes/?")):
        for headers in (tenant.headers(), tenant.headers(scopes=("predict",)), {}):
            short = await tenant.http.get(path_, headers=headers)
            usual = await tenant.http.get(path_ + UNUSUAL, headers=headers)
            assert short.status_code == usual.status_code
            assert short.json() | {"request_id": None} == usual.json() | {"request_id": None}
            assert short.headers.keys() == usual.headers.keys()


@pytest.mark.parametrize("path", ["/api/v1/sync/push", "/api/v1/sync/push/", "/ptw/sync-offline-data"])
async def test_a_push_is_taken_on_each_of_its_paths(tenant: Tenant, path: str) -> None:
    ann = tenant.device("ann")
    answer = await tenant.http.post(path, headers=tenant.headers("ann"), json=ann.envelope(change("create")))
    assert answer.json()["summary"] == {"applied": 1, "conflicts": 0, "rejected": 0, "replayed": 0}
    assert (await tenant.http.post(path, json=ann.envelope())).status_code == 401
    assert (await tenant.http.get(path, headers=tenant.headers("ann"))).status_code == 405
