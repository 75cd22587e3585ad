"""A file as the mainline's record: its version, its fields, and what was written to it since some place."""

from bisect import bisect_right
from dataclasses import dataclass, field

from foresync.git_history.diffs import TOP, FileChange


@dataclass(frozen=True, slots=True)
class Since:
    """What the mainline wrote to a record since a place: the last value of every region, and whether it was deleted."""

    regions: dict[bytes, int]
    is_there: bool
    is_deleted: bool

    def collides(self, change: FileChange) -> bool:
        """Whether a change that did not know of it meets it in a region with another value. A delete is everywhere."""
        if change.op == "delete" or self.is_deleted:
            return self.is_there and not (change.op == "delete" and self.is_deleted)
        return any(self.regions.get(header, value) != value for header, value in change.regions.items())


@dataclass(slots=True)
class Record:
    """Versions count writes, deletes included; a file that comes back counts on."""

    number: int
    kind: str
    _places: list[int] = field(default_factory=list)
    _writes: list[FileChange] = field(default_factory=list)
    _numbers: dict[bytes, int] = field(default_factory=lambda: {TOP: 0})

    @property
    def version(self) -> int:
        return len(self._places)

    def version_at(self, place: int) -> int:
        """The version after everything up to a place."""
        return bisect_right(self._places, place)

    def write(self, place: int, change: FileChange) -> None:
        self._places.append(place)
        self._writes.append(change)

    def since(self, place: int) -> Since:
        """What was written after a place."""
        writes = self._writes[self.version_at(place) :]
        regions = {header: value for write in writes for header, value in write.regions.items()}
        return Since(regions, bool(writes), bool(writes) and writes[-1].op == "delete")

    def number_of(self, header: bytes) -> int:
        """The region's number, the same for good; 0 is what stands before the first function or section."""
        return self._numbers.setdefault(header, len(self._numbers))
