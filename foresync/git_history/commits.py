"""The commits of a repository as a graph: its mainline, and what each merge brought in. Reads no file's content."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from foresync.errors import PlainError
from foresync.git_history.git import Git

FORMAT = "%H%x00%T%x00%P%x00%at%x00%ct%x00%aE"
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Commit:
    """Times are microseconds since 1970; `author` is an address, which is used to tell people apart and never kept."""

    name: str
    tree: str
    parents: tuple[str, ...]
    authored_at: int
    committed_at: int
    author: str


@dataclass(frozen=True, slots=True)
class Landing:
    """What reached the mainline at one place of it.

    base: the place on the mainline where the branch left it, or was last brought up to date with it; -1: nowhere.
    branch: for a merge of one branch, its commits that no earlier landing has brought, oldest first, merges left out.
    """

    place: int
    commit: Commit
    base: int
    branch: tuple[Commit, ...]

    @property
    def is_merge(self) -> bool:
        return len(self.commit.parents) == 2

    @property
    def author(self) -> str:
        """Whose sync it is: who made most of the branch's commits."""
        counts = Counter(commit.author for commit in self.branch)
        return max(counts, key=lambda one: (counts[one], one)) if counts else self.commit.author


def read(git: Git, revision: str) -> list[Commit]:
    """Every commit that the revision can reach, parents first. PlainError when the history is cut off."""
    if git.text("rev-parse", "--is-shallow-repository") == "true":
        raise PlainError(f"{git.repository} is a shallow clone: fetch the whole history (git fetch --unshallow)")
    tip = git.text("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    lines = git.lines("log", "--topo-order", "--reverse", f"--format={FORMAT}", tip)
    return [_commit(line.decode(errors="replace")) for line in lines]


def _commit(line: str) -> Commit:
    name, tree, parents, authored, committed, author = line.split("\0", 5)
    return Commit(
        name, tree, tuple(parents.split()), _moment(authored), _moment(committed), author.strip().lower() or name
    )


def _moment(seconds: str) -> int:
    """Microseconds since 1970; a clock that was before that, or far ahead, is taken back into what dates can say."""
    return max(0, min(int(seconds or 0), 32_503_680_000)) * SECOND


def landings(commits: Sequence[Commit]) -> list[Landing]:
    """The mainline, oldest first, with what each of its commits brought in. commits: parents first, the tip last."""
    known = {commit.name: commit for commit in commits}
    mainline = _mainline(commits[-1], known)
    places = {commit.name: place for place, commit in enumerate(mainline)}
    newest = _newest_on_mainline(commits, places)
    landed: set[str] = set()
    found = []
    for place, commit in enumerate(mainline):
        brought = _brought(commit, known, landed)
        is_merge = len(commit.parents) == 2
        base = newest.get(commit.parents[1], -1) if is_merge else place - 1
        branch = [one for one in brought if len(one.parents) < 2] if is_merge else []
        branch.sort(key=lambda one: (one.authored_at, one.name))
        found.append(Landing(place, commit, base, tuple(branch)))
    return found


def _mainline(tip: Commit, known: dict[str, Commit]) -> list[Commit]:
    chain = [tip]
    while chain[-1].parents:
        chain.append(known[chain[-1].parents[0]])
    return chain[::-1]


def _newest_on_mainline(commits: Iterable[Commit], places: dict[str, int]) -> dict[str, int]:
    """Of each commit, the latest place on the mainline that it is built on."""
    newest: dict[str, int] = {}
    for commit in commits:
        own = places.get(commit.name)
        newest[commit.name] = max((newest[parent] for parent in commit.parents), default=-1) if own is None else own
    return newest


def _brought(commit: Commit, known: dict[str, Commit], landed: set[str]) -> list[Commit]:
    """The commits that come to the mainline with this one; they are landed from now on."""
    landed.add(commit.name)
    found = []
    waiting = list(commit.parents[1:])
    while waiting:
        name = waiting.pop()
        if name not in landed:
            landed.add(name)
            found.append(known[name])
            waiting.extend(known[name].parents)
    return found
