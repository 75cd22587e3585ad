"""A client's copy of what it may see, kept by the feed alone."""

from typing import Any

from tests.sync_api.running import Tenant


class Replica:
    """Applies page after page; knows nothing but what the feed says."""

    def __init__(self, tenant: Tenant, user: str = "ann", *, limit: int = 7, entities: str | None = None) -> None:
        self.tenant, self.user, self.limit, self.entities = tenant, user, limit, entities
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.next = 0
        self.epoch: str | None = None
        self.begun: int | None = None
        self.pages: list[dict[str, Any]] = []

    async def get(self, path: str = "/api/v1/sync/changes", **params: Any) -> Any:
        return await self.tenant.http.get(path, params=params, headers=self.tenant.headers(self.user, ("sync",)))

    async def page(self) -> dict[str, Any]:
        """Read one page and apply it."""
        params: dict[str, Any] = {"since": self.next, "limit": self.limit}
        if self.epoch:
            params["epoch"] = self.epoch
        if self.begun is not None:
            params["begun"] = self.begun
        if self.entities:
            params["entities"] = self.entities
        answer = await self.get(**params)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        for change in page["changes"]:
            key = (change["entity"], change["server_id"])
            if change["op"] == "upsert":
                self.records[key] = {"version": change["version"], "data": change["data"]}
            else:
                self.records.pop(key, None)
        seqs = [change["seq"] for change in page["changes"]]
        assert seqs == sorted(set(seqs))
        assert all(self.next < seq <= page["next"] for seq in seqs)
        self.next, self.epoch, self.begun = page["next"], page["epoch"], page["begun"]
        self.pages.append(page)
        return page

    async def pull(self) -> list[dict[str, Any]]:
        """Read to the end; answers the changes."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self.page()
            found += page["changes"]
            if not page["has_more"]:
                return found
