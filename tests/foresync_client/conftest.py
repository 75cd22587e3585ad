"""The same real server and tenant that replays are tested against."""

from tests.replay.conftest import server, tenant

__all__ = ["server", "tenant"]
