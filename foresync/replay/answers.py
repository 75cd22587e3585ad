"""What the server answered: the versions that later base versions are made of. No sending, no counting."""

from collections.abc import Sequence

from foresync.client import PushAnswer
from foresync.replay import names
from foresync.replay.history import Push
from foresync.replay.plan import NONE

Versions = tuple[int, ...]


class Answers:
    """The version of each record after each push, for the first `len` pushes.

    `remembered` are those of an earlier run: used to fill requests without waiting, until the server says otherwise.
    """

    def __init__(self, pushes: Sequence[Push], remembered: Sequence[Versions] = ()) -> None:
        self._pushes = pushes
        self._versions: list[Versions] = []
        self._remembered = [
            versions for push, versions in zip(pushes, remembered, strict=False) if len(versions) == len(push.edits)
        ]
        self._latest: dict[int, int] = {}

    def __len__(self) -> int:
        """How many pushes' versions are known."""
        return max(len(self._versions), len(self._remembered))

    def versions(self, index: int) -> Versions:
        """The server's version of each of a push's records after it, in the order of its edits."""
        return self._versions[index] if index < len(self._versions) else self._remembered[index]

    def version(self, index: int, entity_id: int) -> int:
        """The server's version of a record after the push at `index`; 0 for NONE."""
        if index == NONE:
            return 0
        for edit, version in zip(self._pushes[index].edits, self.versions(index), strict=True):
            if edit.entity_id == entity_id:
                return version
        raise KeyError((index, entity_id))

    def take(self, answer: PushAnswer) -> Versions:
        """Take the answer to the next push in order. A rejected change leaves its record where it was."""
        index = len(self._versions)
        push = self._pushes[index]
        answered = {one.offline_id: one.new_version for one in answer.applied}
        answered |= {one.offline_id: one.server_version for one in answer.conflicts}
        versions = tuple(
            answered.get(names.offline(push.push_id, edit.entity_id), self._latest.get(edit.entity_id, 0))
            for edit in push.edits
        )
        self._latest |= {edit.entity_id: version for edit, version in zip(push.edits, versions, strict=True)}
        self._versions.append(versions)
        if index < len(self._remembered) and versions != self._remembered[index]:
            self._remembered.clear()
        return versions

    @property
    def remembers(self) -> bool:
        """Whether an earlier run's answers are in use: not once the server has answered otherwise."""
        return bool(self._remembered)
