"""A page of the feed. No HTTP, and no JSON is parsed on the way: `sync.feed_page` builds the text, in one round trip.

What is in the feed, and why it has no holes, is said at that function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sync_api.db.session import Pool

LARGEST_PAGE_BYTES = 32 * 1024 * 1024
ANY_SIZE = 2**40

PAGE = "SELECT * FROM sync.feed_page($1, $2, $3, $4, $5, $6)"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the feed. changes: JSON objects joined by commas. next: where the following page begins. head: the
    tenant's clock. fits: whether it could be built; else it is to be read again with a smaller limit."""

    epoch: UUID
    head: int
    horizon: int
    has_more: bool
    next: int
    changes: bytes
    fits: bool


async def page(
    pool: Pool, tenant: str, user: str, since: int, entities: Sequence[str] | None, limit: int
) -> Page | None:
    """Up to `limit` changes after `since` that `user` may see, in commit order; None: there is no such tenant."""
    largest = LARGEST_PAGE_BYTES // limit if limit > 1 else ANY_SIZE
    async with pool.held() as connection:
        row = await connection.fetchrow(PAGE, tenant, user, since, entities, limit, largest)
    assert row is not None
    epoch, head, horizon, found, told, last, text = row
    if epoch is None:
        return None
    changes = text or b""
    if found <= limit:
        return Page(epoch, head, horizon, False, head, changes, told == found)
    # One more was found than was asked for: it belongs to the next page, which begins right before it. Its beginning
    # cannot be mistaken: inside a record, PostgreSQL writes a space after each colon, and escapes the quotes of texts.
    first_beyond = changes.rfind(b',{"seq":%d,' % last)
    return Page(epoch, head, horizon, True, last - 1, changes[:first_beyond], told == found)
