"""From landings and their differences to the rows of a history. The mapping is described in docs/clients/replay.md."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from foresync.git_history import commits, diffs
from foresync.git_history.commits import Commit, Landing
from foresync.git_history.diffs import Diff, FileChange
from foresync.git_history.git import Git
from foresync.git_history.kinds import kind_of
from foresync.git_history.records import Record

MAX_FILES = 500  # a push of more is a reformatting or an import, and no edit of anybody's
Row = dict[str, Any]


class Watcher(Protocol):
    """Told how far the reading is."""

    def begin(self, landings: int) -> None: ...
    def advance(self, landings: int) -> None: ...


@dataclass(slots=True)
class Built:
    """A history, and what its numbers stand for (for the eyes of whoever may see the repository)."""

    rows: list[Row]
    paths: list[bytes]
    pushes: int
    merges: int
    left_out: int


def build(repository: Path, revision: str, watcher: Watcher) -> Built:
    """The history of a repository's mainline up to `revision`. PlainError when git cannot read it."""
    git = Git(repository)
    everything = commits.read(git, revision)
    found = commits.landings(everything)
    trees = {commit.name: commit.tree for commit in everything}
    empty = git.text("hash-object", "-t", "tree", "/dev/null")
    answers = diffs.read(git, _asked(found, trees, empty))
    history = _History()
    watcher.begin(len(found))
    for landing in found:
        history.land(landing, answers)
        watcher.advance(1)
    return history.built


def _asked(found: Sequence[Landing], trees: Mapping[str, str], empty: str) -> Iterator[tuple[str, str]]:
    """For each landing: what it did to the mainline; for a merge, what the branch had done since its base, and what
    each commit of the branch did."""
    mainline = [empty, *(landing.commit.tree for landing in found)]  # of place n, what stood before it
    for landing in found:
        yield mainline[landing.place], landing.commit.tree
        if landing.is_merge:
            yield mainline[landing.base + 1], trees[landing.commit.parents[1]]
            for commit in landing.branch:
                yield trees[commit.parents[0]] if commit.parents else empty, commit.tree


class _History:
    """The mainline as a server, landing after landing."""

    def __init__(self) -> None:
        self.built = Built([], [], 0, 0, 0)
        self._records: dict[bytes, Record] = {}
        self._users: dict[str, int] = {}
        self._synced_at: list[int] = []

    def land(self, landing: Landing, answers: Iterator[Diff]) -> None:
        """Take one landing. answers: what `_asked` asked for it comes next."""
        written = next(answers)
        sent = next(answers) if landing.is_merge else written
        times = _Times(landing, self._synced_at, [(commit, next(answers)) for commit in landing.branch])
        self._synced_at.append(times.synced_at)
        if len(sent) > MAX_FILES:
            self.built.left_out += 1
        elif sent:
            user = self._users.setdefault(landing.author, len(self._users))
            self.built.pushes += 1
            self.built.merges += landing.is_merge
            self.built.rows += [self._row(landing, user, sent[path], path in written, times) for path in sorted(sent)]
        for change in written.values():
            self._record(change.path).write(landing.place, change)

    def _record(self, path: bytes) -> Record:
        if path not in self._records:
            self._records[path] = Record(len(self.built.paths), kind_of(path))
            self.built.paths.append(path)
        return self._records[path]

    def _row(self, landing: Landing, user: int, change: FileChange, is_applied: bool, times: "_Times") -> Row:
        record = self._record(change.path)
        theirs = record.since(landing.base)
        edited_at = times.edited(change.path)
        numbers = {header: record.number_of(header) for header in (*change.regions, *theirs.regions)}
        return {
            "push_id": landing.place,
            "is_merge": landing.is_merge,
            "user_id": user,
            "entity_id": record.number,
            "entity_type": record.kind,
            "op": change.op,
            "edited_at": edited_at,
            "synced_at": times.synced_at,
            "client_version": record.version_at(landing.base),
            "server_version": record.version,
            "fields_client": [numbers[header] for header in change.regions],
            "values_client": list(change.regions.values()),
            "fields_server": [numbers[header] for header in theirs.regions],
            "values_server": list(theirs.regions.values()),
            "both_changed": theirs.is_there,
            "field_collision": theirs.collides(change),
            "base_push_id": landing.base,
            "applied": is_applied,
            "n_commits": max(1, len(landing.branch)),
            "fields_first_at": [times.touched(change.path, header, edited_at) for header in change.regions],
        }


class _Times:
    """When a landing's edits were made: after its base, before it was synced."""

    def __init__(self, landing: Landing, synced_at: Sequence[int], branch: Sequence[tuple[Commit, Diff]]) -> None:
        self.synced_at = max(landing.commit.committed_at, synced_at[-1] if synced_at else 0)
        self._earliest = synced_at[landing.base] if landing.base >= 0 else 0
        self._otherwise = self._within(landing.commit.authored_at)
        self._files: dict[bytes, int] = {}
        self._regions: dict[tuple[bytes, bytes], int] = {}
        for commit, diff in branch:
            at = self._within(commit.authored_at)
            for change in diff.values():
                self._files.setdefault(change.path, at)
                for header in change.regions:
                    self._regions.setdefault((change.path, header), at)

    def edited(self, path: bytes) -> int:
        """When the file was first touched."""
        return self._files.get(path, self._otherwise)

    def touched(self, path: bytes, header: bytes, edited_at: int) -> int:
        """When the region was; where git tells it by another name at that time, when the work ended."""
        return max(edited_at, self._regions.get((path, header), self._otherwise))

    def _within(self, at: int) -> int:
        return max(self._earliest, min(at, self.synced_at))
