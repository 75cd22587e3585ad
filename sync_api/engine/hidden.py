"""A value of which only the hash is known, so that a change can be judged before its values are sent.

It takes part wherever equality decides. Whoever looks further (what kind of value is it, which is the greater, what
is in the list) gets no guess but `NeedsValue`: a decision that comes out without it holds whatever the value is.
"""

from dataclasses import dataclass
from typing import Any

from sync_api import canonical

# What a client may say that a value is, and what `isinstance` then finds.
CLASSES: dict[str, type[Any]] = {
    "string": str,
    "datetime": str,
    "integer": int,
    "number": float,
    "list": list,
    "object": dict,
    "other": object,  # what no field is declared to be
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose value it is: the change's offline_id, and the field."""

    offline_id: str
    field: str


class NeedsValue(Exception):  # noqa: N818 - a question, and nobody's error
    """The decision depends on what this value is."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(f"{origin.offline_id}: {origin.field}")
        self.origin = origin


class NeedsKind(NeedsValue):
    """It depends on what kind of value this is."""


class NeedsContent(NeedsValue):
    """Its kind is known; it depends on what is in it."""


class Hashes:
    """The hashes of values that hidden ones have been compared with: many changes may meet one large value."""

    def __init__(self) -> None:
        self._taken: dict[int, tuple[Any, str, bool]] = {}  # by id; the value is held, so that its id stays its own

    def of(self, value: Any) -> tuple[str, bool]:
        """The hash, and whether no other value has it."""
        taken = self._taken.get(id(value))
        if taken is None:
            taken = self._taken[id(value)] = (value, canonical.sha256(value), canonical.is_exact(value))
        return taken[1], taken[2]


class Hidden:
    """kind: a name in `CLASSES`, where that is known. sha256: None where not even that can be told, as of what a rule
    makes of a hidden value."""

    __slots__ = ("hashes", "kind", "origin", "sha256")

    def __init__(
        self, origin: Origin, sha256: str | None, kind: str | None = None, hashes: Hashes | None = None
    ) -> None:
        self.origin = origin
        self.sha256 = sha256
        self.kind = kind
        self.hashes = hashes or Hashes()

    def of_kind(self, kind: str | None) -> "Hidden":
        """The same value, taken to be of this kind."""
        return Hidden(self.origin, self.sha256, kind, self.hashes)

    @property  # type: ignore[misc]  # what `isinstance` asks once the true type has said no: ours to answer
    def __class__(self) -> type[Any]:
        if self.kind is None:
            raise NeedsKind(self.origin) if self.sha256 else NeedsContent(self.origin)
        return CLASSES[self.kind]

    def __eq__(self, other: object) -> bool:
        if self.sha256 is None:
            raise NeedsContent(self.origin)
        if type(other) is not Hidden:
            sha256, is_exact = self.hashes.of(other)
            if sha256 == self.sha256 and not is_exact:
                raise NeedsContent(self.origin)
            return sha256 == self.sha256
        if other.sha256 is None:
            raise NeedsContent(other.origin)
        return self.sha256 == other.sha256

    __hash__ = None  # type: ignore[assignment]  # nothing that is compared by value inside a set may be hidden

    def _content(self, *_: Any) -> Any:
        raise NeedsContent(self.origin)

    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = _content
    __lt__ = __le__ = __gt__ = __ge__ = _content

    def __str__(self) -> str:
        return f"sha256:{self.sha256}"

    def is_moment(self) -> bool:
        """Whether it is a date and time. The client says so, or it remains open."""
        if self.kind == "datetime":
            return True
        raise NeedsKind(self.origin)


def is_hidden(value: Any) -> bool:
    """Whether a value is known by no more than its hash."""
    return type(value) is Hidden
