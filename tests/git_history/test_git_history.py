"""What a history says of a small repository whose story is known."""

from pathlib import Path
from typing import Any

import pytest

from foresync.errors import PlainError
from foresync.git_history import Built, build, write, write_legend
from foresync.git_history.kinds import kind_of
from foresync.replay import history
from tests.git_history.repository import DAY, START, Repository, functions


class Silent:
    def begin(self, landings: int) -> None: ...
    def advance(self, landings: int) -> None: ...


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


def built(repository: Repository) -> Built:
    return build(repository.path, "main", Silent())


def row(found: Built, push: int, path: str) -> dict[str, Any]:
    (one,) = [r for r in found.rows if r["push_id"] == push and found.paths[r["entity_id"]] == path.encode()]
    return one


def second(day: float) -> int:
    return int((START + day * DAY) * 1_000_000)


def test_a_line_of_commits_is_never_stale_and_counts_versions(repository: Repository) -> None:
    repository.commit({"f.py": functions(f="1", g="2"), "docs/a.md": "# A\n"})
    repository.commit({"f.py": functions(f="3", g="2")}, author="ben")
    repository.commit({"f.py": None})
    repository.commit({"f.py": functions(f="1", g="2")})
    found = built(repository)

    told = [(r["op"], r["client_version"], r["server_version"]) for r in found.rows if r["entity_id"] == 1]
    assert told == [("create", 0, 0), ("update", 1, 1), ("delete", 2, 2), ("create", 3, 3)]
    assert found.paths == [b"docs/a.md", b"f.py"]
    assert not any(r["both_changed"] or r["field_collision"] or r["is_merge"] for r in found.rows)
    assert [r["user_id"] for r in found.rows] == [0, 0, 1, 0, 0]
    assert row(found, 1, "f.py")["fields_client"] == [1]
    assert (found.pushes, found.merges) == (4, 0)


def test_a_merge_is_a_sync_of_the_one_who_wrote_the_branch(repository: Repository) -> None:
    repository.commit({"f.py": functions(f="1", g="2"), "x.py": functions(x="1")})
    repository.branch("work")
    repository.commit({"f.py": functions(f="10", g="2")}, author="eve")  # day 2
    repository.commit({"f.py": functions(f="10", g="20")}, author="eve")  # day 3
    repository.on("main")
    repository.commit({"x.py": functions(x="2")}, author="ann")  # day 4
    repository.merge("work")  # day 5
    found = built(repository)

    sync = row(found, 2, "f.py")
    assert (sync["is_merge"], sync["base_push_id"], sync["n_commits"]) == (True, 0, 2)
    assert sync["user_id"] != row(found, 1, "x.py")["user_id"]
    assert (sync["client_version"], sync["server_version"], sync["both_changed"]) == (1, 1, False)
    assert (sync["edited_at"], sync["synced_at"]) == (second(2), second(5))
    assert sync["fields_first_at"] == [second(2), second(3)]
    assert [r["push_id"] for r in found.rows if r["entity_id"] == row(found, 1, "x.py")["entity_id"]] == [0, 1]


def test_the_same_region_with_another_value_is_a_collision_and_another_region_is_not(repository: Repository) -> None:
    repository.commit({"f.py": functions(f="1", g="2"), "h.py": functions(f="1", g="2")})
    repository.branch("work")
    repository.commit({"f.py": functions(f="10", g="2"), "h.py": functions(f="1", g="9")}, author="eve")
    repository.on("main")
    repository.commit({"f.py": functions(f="11", g="2"), "h.py": functions(f="8", g="2")})
    repository.merge("work", keep=functions(f="10", g="2"))
    found = built(repository)

    contested, apart = row(found, 2, "f.py"), row(found, 2, "h.py")
    assert (contested["both_changed"], contested["field_collision"]) == (True, True)
    assert (contested["client_version"], contested["server_version"]) == (1, 2)
    assert contested["fields_client"] == contested["fields_server"]
    assert contested["values_client"] != contested["values_server"]
    assert (apart["both_changed"], apart["field_collision"]) == (True, False)


def test_the_same_change_on_both_sides_is_no_collision_and_raises_no_version(repository: Repository) -> None:
    repository.commit({"f.py": functions(f="1")})
    repository.branch("work")
    repository.commit({"f.py": functions(f="2")}, author="eve")
    repository.on("main")
    repository.commit({"f.py": functions(f="2")})
    repository.merge("work")
    found = built(repository)

    sync = row(found, 2, "f.py")
    assert (sync["both_changed"], sync["field_collision"], sync["applied"]) == (True, False, False)


@pytest.mark.parametrize("deleting", ["main", "work"])
def test_a_delete_meets_every_update(repository: Repository, deleting: str) -> None:
    repository.commit({"f.py": functions(f="1"), "y": "y"})
    repository.branch("work")
    repository.commit({"f.py": None if deleting == "work" else functions(f="2")}, author="eve")
    repository.on("main")
    repository.commit({"f.py": None if deleting == "main" else functions(f="3")})
    repository.merge("work", keep=functions(f="2"))

    sync = row(built(repository), 2, "f.py")
    assert (sync["both_changed"], sync["field_collision"]) == (True, True)
    assert sync["op"] == ("delete" if deleting == "work" else "update")


def test_a_rename_is_a_delete_and_a_create(repository: Repository) -> None:
    repository.commit({"old.py": functions(f="1", g="2", h="3")})
    repository.git("mv", "old.py", "new.py")
    repository.commit({})
    found = built(repository)

    assert row(found, 1, "old.py")["op"] == "delete"
    assert row(found, 1, "new.py")["op"] == "create"
    assert row(found, 1, "new.py")["client_version"] == 0


def test_a_branch_that_was_brought_up_to_date_is_based_on_what_it_was_given(repository: Repository) -> None:
    repository.commit({"f.py": functions(f="1", g="2")})
    repository.branch("work")
    repository.commit({"f.py": functions(f="1", g="20")}, author="eve")
    repository.on("main")
    repository.commit({"f.py": functions(f="10", g="2")})
    repository.on("work")
    repository.merge("main", author="eve")  # criss: the mainline's first change is in the branch now
    repository.commit({"f.py": functions(f="10", g="30")}, author="eve")
    repository.on("main")
    repository.commit({"x.py": "x = 1\n"})
    repository.merge("work")  # cross
    found = built(repository)

    sync = row(found, 3, "f.py")
    assert (sync["base_push_id"], sync["client_version"], sync["server_version"]) == (1, 2, 2)
    assert (sync["both_changed"], sync["n_commits"]) == (False, 2)
    assert len(sync["fields_client"]) == 1  # its own function; what it was given is not its work


def test_what_landed_with_one_merge_is_not_brought_again_by_the_next(repository: Repository) -> None:
    repository.commit({"f.py": functions(f="1", g="2")})
    repository.branch("one")
    repository.commit({"a.py": "a = 1\n"}, author="eve")
    repository.branch("two", at="one")
    repository.commit({"b.py": "b = 1\n"}, author="joe")
    repository.on("main")
    repository.merge("one")
    repository.merge("two")
    found = built(repository)

    assert [(r["push_id"], found.paths[r["entity_id"]], r["n_commits"]) for r in found.rows if r["push_id"]] == [
        (1, b"a.py", 1), (2, b"a.py", 1), (2, b"b.py", 1),
    ]  # fmt: skip
    assert not row(found, 2, "a.py")["applied"]  # still in its clone since the base, but nothing new to the server
    assert row(found, 2, "b.py")["user_id"] != row(found, 1, "a.py")["user_id"]


def test_a_merge_of_many_is_a_plain_push(repository: Repository) -> None:
    repository.commit({"f.py": functions(f="1")})
    for name in ("a", "b"):
        repository.branch(name, at="main")
        repository.commit({f"{name}.py": f"{name} = 1\n"}, author=name)
    repository.on("main")
    repository.commit({"c.py": "c = 1\n"})
    repository.merge("a", "b")
    found = built(repository)

    assert (found.merges, found.pushes) == (0, 3)
    assert {r["is_merge"] for r in found.rows} == {False}


def test_odd_files_are_records_too(repository: Repository) -> None:
    names = ["with space.py", 'quo"te.py', "tab\there.py", "новый.py", "-dash.py", "b", "a b/c d.py"]
    repository.commit(dict.fromkeys(names, "a = 1\n") | {"image.png": b"\0\1\2", "empty": ""})
    (repository.path / "b").chmod(0o755)
    repository.commit({"image.png": b"\0\1\3", "diff.txt": "diff --git a/b b/b\n+++ b/b\n@@ -1 +1 @@ x\n:100\n"})
    found = built(repository)

    assert len(found.paths) == len(names) + 3
    changed = {found.paths[r["entity_id"]] for r in found.rows if r["push_id"] == 1}
    assert changed == {b"image.png", b"diff.txt", b"b"}
    assert all(r["fields_client"] == [0] and r["values_client"] for r in found.rows)


def test_wrong_clocks_are_put_between_base_and_sync(repository: Repository) -> None:
    repository.commit({"f.py": functions(f="1")})  # day 1
    repository.branch("work")
    repository.commit({"f.py": functions(f="2")}, author="eve", day=-400)
    repository.on("main")
    repository.merge("work")  # day 3
    repository.commit({"x.py": "x = 1\n"}, day=1)  # committed before the merge, it says
    found = built(repository)

    assert row(found, 1, "f.py")["edited_at"] == second(1)
    assert [r["synced_at"] for r in found.rows] == sorted(r["synced_at"] for r in found.rows)
    assert row(found, 2, "x.py")["synced_at"] == second(3)


def test_a_push_of_very_many_files_is_left_out_and_still_raises_versions(repository: Repository) -> None:
    repository.commit({"f.py": functions(f="1")})
    repository.commit({"f.py": functions(f="2")} | {f"{number}.txt": "a\n" for number in range(500)})
    repository.commit({"f.py": functions(f="3")})
    found = built(repository)

    assert (found.left_out, found.pushes, len(found.rows)) == (1, 2, 2)
    assert row(found, 2, "f.py")["server_version"] == 2


def test_it_is_read_as_any_history_and_the_same_repository_gives_the_same_bytes(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"f.py": functions(f="1", g="2"), "tests/test_f.py": "def test(): ...\n"})
    repository.branch("work")
    repository.commit({"f.py": functions(f="10", g="2")}, author="eve")
    repository.on("main")
    repository.merge("work")
    for name in ("one", "two"):
        write(built(repository), tmp_path / f"{name}.parquet")
    write_legend(built(repository), tmp_path / "legend.txt")
    read = history.read(tmp_path / "one.parquet")

    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert [(push.push_id, push.is_merge, len(push.edits)) for push in read.pushes] == [(0, False, 2), (1, True, 1)]
    assert read.entity_types == {"source", "test"}
    assert (tmp_path / "legend.txt").read_text() == "e0\tf.py\ne1\ttests/test_f.py\n"
    assert b"ann" not in (tmp_path / "one.parquet").read_bytes()


def test_a_repository_cannot_have_its_own_programs_run(repository: Repository, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    repository.commit({"f.py": "a = 1\n", ".gitattributes": "*.py diff=evil\n"})
    repository.git("config", "diff.evil.textconv", str(trap))
    repository.git("config", "diff.evil.command", str(trap))
    repository.git("config", "diff.external", str(trap))
    repository.commit({"f.py": "a = 2\n"})

    assert len(built(repository).rows) == 3
    assert not (tmp_path / "sprung").exists()


def test_what_cannot_be_read_is_said_plainly(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(PlainError, match="not a git repository"):
        build(tmp_path, "HEAD", Silent())
    with pytest.raises(PlainError, match="cannot read"):
        built(repository)  # no commit yet
    repository.commit({"f.py": "1\n"})
    repository.commit({"f.py": "2\n"})
    with pytest.raises(PlainError, match="cannot read"):
        build(repository.path, "--output=x", Silent())
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.path}", str(tmp_path / "shallow"))
    with pytest.raises(PlainError, match="unshallow"):
        build(tmp_path / "shallow", "HEAD", Silent())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("src/app.py", "source"), ("tests/test_app.py", "test"), ("pkg/app_test.go", "test"), ("README", "doc"),
        ("docs/conf.py", "doc"), ("a/b.md", "doc"), ("setup.cfg", "config"), ("Makefile", "config"),
        ('"caf\\303\\251.py"', "source"), ("web/x.spec.ts", "test"),
    ],
)  # fmt: skip
def test_what_kind_of_record_a_file_is(path: str, kind: str) -> None:
    assert kind_of(path.encode()) == kind
