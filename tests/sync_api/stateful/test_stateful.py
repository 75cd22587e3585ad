"""Any number of devices, offline, retrying, doubling, reordering, with wrong clocks, against the real server.

After every push the verdicts are those of an independent model; at the end so are the records, the log, the conflicts
and their audit, and all devices hold the same. The model is next door, as are the devices and their world.
"""

import copy
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from psycopg.rows import dict_row

from sync_api.db.tenants import ensure_tenant
from tests.sync_api.running import Tenant
from tests.sync_api.stateful import world
from tests.sync_api.stateful.device import Device
from tests.sync_api.stateful.model import Model, Sent

AHEAD = [timedelta(0), timedelta(days=365), timedelta(days=-3), timedelta(minutes=4)]
AUTHORS = [("ann", "ann-phone"), ("ann", "ann-tablet"), ("ben", "ben-phone"), ("eve", "eve-phone")]
KEYS = [("thing", "t1"), ("thing", "t2"), ("isolation_point", "i1"), ("gas_reading", "g1")]
_tenants = itertools.count(1)

devices = st.integers(0, len(AUTHORS) - 1)
agos = st.sampled_from([0, 30, 400, 90_000, -100]).map(lambda seconds: timedelta(seconds=seconds))
edits = st.sampled_from([*KEYS, *KEYS[:3]]).flatmap(
    lambda key: st.tuples(
        world.ops[key[0]], st.just(key), world.data[key[0]], agos, st.sampled_from(["version", "base", "nothing"])
    )
)


class Devices(RuleBasedStateMachine):
    """What can happen to four devices of three people who share four records."""

    def __init__(self, url: str, database_url: str, secret: str) -> None:
        super().__init__()
        self.http = httpx.Client(base_url=url, timeout=60, verify=False)
        self.sql = psycopg.connect(database_url, autocommit=True, row_factory=dict_row)
        self.name = f"stateful-{next(_tenants)}"
        ensure_tenant(database_url, self.name)
        tenant = Tenant(None, secret, self.name)  # type: ignore[arg-type]  # only its tokens are wanted
        self.admin = tenant.headers()
        self.wires = [world.Wire(self.http, tenant.headers(user, ("sync",))) for user, _ in AUTHORS]
        self.devices = [Device(author, skew) for author, skew in zip(AUTHORS, AHEAD, strict=True)]
        self.threads = ThreadPoolExecutor(3)

    @initialize(thing=world.policies, isolation=world.policies)
    def declare(self, thing: dict[str, Any], isolation: dict[str, Any]) -> None:
        self._put("entity-types/thing", world.THING)
        kinds = dict(world.KINDS)
        for entity, policy in (("thing", thing), ("isolation_point", isolation)):
            self._put(f"policies/{entity}", policy)
            kinds[entity] = replace(
                kinds[entity],
                strategy=policy["strategy"],
                rules=kinds[entity].rules | policy["field_rules"],
                is_automatic=policy["auto_resolve"],
                is_shadow=policy["mode"] == "shadow",
            )
        self.model = Model(kinds)

    @rule(n=devices, queued=st.lists(edits, min_size=1, max_size=4))
    def edit_offline(self, n: int, queued: list[Any]) -> None:
        for op, key, data, ago, says in queued:
            self.devices[n].edit(op, key, data, ago=ago, says=says)

    @rule(n=devices, queued=st.lists(edits, min_size=1, max_size=3))
    def edit_and_sync(self, n: int, queued: list[Any]) -> None:
        self.edit_offline(n, queued)
        self.sync(n)

    @rule(n=devices)
    def sync(self, n: int) -> None:
        changes = list(self.devices[n].queue)
        self.devices[n].hear(changes, self._push(n, changes))

    @rule(n=devices)
    def sync_and_lose_the_answer(self, n: int) -> None:
        self._push(n, list(self.devices[n].queue))

    @rule(n=devices, at=st.integers(1, 3))
    def sync_the_end_first(self, n: int, at: int) -> None:
        changes = list(self.devices[n].queue)
        for part in (changes[at:], changes[:at]):
            self.devices[n].hear(part, self._push(n, part))

    @rule(n=devices, copies=st.integers(2, 3))
    def sync_several_times_at_once(self, n: int, copies: int) -> None:
        changes = list(self.devices[n].queue)
        self.devices[n].hear(changes, self._at_once([n] * copies))

    @rule(n=devices, m=devices)
    def sync_together(self, n: int, m: int) -> None:
        self._at_once([n, m])

    @rule(n=devices, back=st.integers(1, 5))
    def a_push_arrives_again_late(self, n: int, back: int) -> None:
        pushed = self.devices[n].pushed
        if pushed:
            again = pushed[-min(back, len(pushed))]
            self.devices[n].hear(again, self._push(n, again))

    @rule(n=devices, edit=edits)
    def a_name_is_used_for_another_change(self, n: int, edit: Any) -> None:
        device = self.devices[n]
        op, key, data, ago, says = edit
        spoken = [sent for push in device.pushed for sent in push if sent.key[0] == key[0]]
        if spoken:
            device.edit(op, key, data, ago=ago, says=says)
            forged = replace(device.queue.pop(), offline_id=spoken[-1].offline_id)
            verdicts = self._push(n, [forged])
            if verdicts[0]["list"] != "rejected":  # the name was free after all
                device.hear([forged], verdicts)

    @rule(n=devices, edit=edits)
    def know_too_much(self, n: int, edit: Any) -> None:
        self.edit_offline(n, [edit])
        self._push(n, [replace(self.devices[n].queue.pop(), version=1000)])

    @rule(n=devices)
    def pull(self, n: int) -> None:
        for _ in range(1000):
            asked = {"since": self.devices[n].position, "limit": 2}
            answer = self.http.get("/api/v1/sync/changes", headers=self.wires[n].headers, params=asked)
            assert answer.status_code == 200, answer.text
            self.devices[n].pull(answer.json())
            if not answer.json()["has_more"]:
                return
        raise AssertionError("the feed never ends")

    @invariant()
    def who_knows_the_newest_version_has_the_record(self) -> None:
        for device in self.devices:
            for key, known in device.replicas.items():
                record = self.model.records[key]
                if known.version == record.version:
                    if not record.is_deleted:
                        assert _present(known.data) == _present(record.data), (device.author, key)
                    assert known.is_deleted == record.is_deleted

    def teardown(self) -> None:
        try:
            for n in range(len(self.devices)):
                self._deliver(n)
            for n in range(len(self.devices)):
                self.pull(n)
            for device in self.devices:
                assert device.replicas.keys() == {key for key, record in self.model.records.items() if record.version}
                for key, known in device.replicas.items():
                    assert known.version == self.model.records[key].version, (device.author, key)
            self.who_knows_the_newest_version_has_the_record()
            self._compare_records()
            self._compare_log()
            self._compare_conflicts()
        finally:
            self.threads.shutdown()
            self.http.close()
            self.sql.close()

    def _deliver(self, n: int) -> None:
        """Sync until nothing waits; what is blocked gets through once what blocked it has been told of."""
        for _ in range(20):
            if not self.devices[n].queue:
                return
            self.sync(n)
        raise AssertionError(f"still queued: {self.devices[n].queue}")

    def _push(self, n: int, changes: list[Sent]) -> list[dict[str, Any]]:
        device = self.devices[n]
        client_time = device.clock()
        if len(device.pushed) % 3 < 2:
            self._check(n, client_time, changes)
        received_at, verdicts = self.wires[n].push(device.author, client_time, changes)
        device.pushed.append(changes)
        assert verdicts == self.model.push(device.author, client_time, received_at, changes)
        return verdicts

    def _check(self, n: int, client_time: datetime, changes: list[Sent]) -> None:
        """Where a check claims to be exact it says what a push would have been told in its place; where it names
        what else may be, it is one of these."""
        asked_at, told = self.wires[n].check(self.devices[n].author, client_time, changes)
        verdicts = copy.deepcopy(self.model).push(self.devices[n].author, client_time, asked_at, changes)
        for item, verdict in zip(told, verdicts, strict=True):
            wanted = world.expected(verdict)
            if item["exact"]:
                assert world.checked(item) == wanted
            elif item["verdict"] and not item["depends_on_changes"]:
                assert (wanted["verdict"], wanted["reason"]) in world.possible(item)

    def _at_once(self, numbers: list[int]) -> list[dict[str, Any]]:
        """Several pushes that meet: the answers are those of one of the orders in which they can have been taken."""
        sent = [(n, self.devices[n].clock(), list(self.devices[n].queue)) for n in numbers]
        answers = list(
            self.threads.map(lambda one: self.wires[one[0]].push(self.devices[one[0]].author, one[1], one[2]), sent)
        )
        explaining = []
        for order in itertools.permutations(range(len(sent))):
            model = copy.deepcopy(self.model)
            told = {
                i: model.push(self.devices[sent[i][0]].author, sent[i][1], answers[i][0], sent[i][2]) for i in order
            }
            if all(told[i] == answers[i][1] for i in order):
                explaining.append(model)
        assert explaining, f"no order explains {answers}"
        self.model = explaining[0]
        # where no answer tells the orders apart, nothing that comes later may either
        assert all((m.records, m.told) == (self.model.records, self.model.told) for m in explaining)
        for (n, _, changes), (_, verdicts) in zip(sent, answers, strict=True):
            self.devices[n].pushed.append(changes)
            self.devices[n].hear(changes, verdicts)
        return answers[0][1]

    def _compare_records(self) -> None:
        stored = {
            (r["entity_type"], r["entity_id"]): r for r in self._rows("SELECT * FROM sync.record WHERE tenant_id = %s")
        }
        born = {key: record for key, record in self.model.records.items() if record.version}
        assert stored.keys() == born.keys()
        for key, record in born.items():
            row = stored[key]
            assert (row["version"], row["data"], row["deleted_at"] is not None) == (
                record.version, record.data, record.is_deleted,
            )  # fmt: skip
            assert (row["event_count"], row["conflict_count"]) == (record.events, record.conflicts)

    def _compare_log(self) -> None:
        rows = self._rows("SELECT * FROM sync.sync_log WHERE tenant_id = %s ORDER BY seq")
        told = [((r["entity_type"], r["entity_id"]), r["outcome"], r["server_version"], r["new_version"]) for r in rows]
        # Pushes that met and wrote nothing to a record (unchanged here, an open conflict there) answer the same
        # whichever came first: rows that met the same version and made none stand in any order, all others in one.
        assert Counter(told) == Counter(self.model.log)
        assert len({row["seq"] for row in rows}) == len(rows)
        for key, record in self.model.records.items():
            assert [made for named, _, _, made in told if named == key and made] == list(range(1, record.version + 1))
            # (what there was none of yet, nobody could lock: a deletion of it and a creation may be logged either way)
            places = [(met, made or 0) for named, _, met, made in told if named == key and met]
            assert places == sorted(places)
        (row,) = self._rows("SELECT count(*) FROM sync.applied_change WHERE tenant_id = %s")
        assert row["count"] == len(self.model.told)

    def _compare_conflicts(self) -> None:
        rows = self._rows(
            """SELECT c.*, a.fields AS audit, a.decision FROM sync.conflict_resolution AS c
               JOIN sync.conflict_resolution_log AS a USING (tenant_id, conflict_id)
               WHERE tenant_id = %s"""
        )
        for row in rows:
            row |= {"key": (row["entity_type"], row["entity_id"]), "fields": row["field_conflicts"]}
        wanted = self.model.conflicts
        told = [{name: row[name] for name in wanted[0]} for row in rows] if wanted else rows
        assert sorted(told, key=_canonical) == sorted(wanted, key=_canonical)
        for row in rows:
            assert row["decision"] == ("opened" if row["status"] == "open" else "auto")
            for name, field in row["fields"].items():
                lost = {"client": field["server"], "server": field["client"]}
                both = {"client": field["client"], "server": field["server"]}
                assert row["audit"][name]["losing_value"] == lost.get(field["winner"], both)

    def _put(self, path: str, body: dict[str, Any]) -> None:
        answer = self.http.put(f"/api/v1/{path}", headers=self.admin, json=body)
        assert answer.status_code == 200, answer.text

    def _rows(self, statement: str) -> list[dict[str, Any]]:
        return self.sql.execute(statement, (self.name,)).fetchall()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _present(data: dict[str, Any]) -> dict[str, Any]:
    """A missing field is the same as null."""
    return {name: value for name, value in data.items() if value is not None}


@pytest.fixture(scope="module")
def machine(api_url: str, database_url: str, jwt_secret: str) -> Iterator[Callable[[], Devices]]:
    with world.server_in_a_thread(api_url, jwt_secret) as url:
        yield lambda: Devices(url, database_url, jwt_secret)


def _profile(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        print_blob=True,
    )


def test_any_devices_get_the_verdicts_of_the_rules_and_converge(machine: Callable[[], Devices]) -> None:
    run_state_machine_as_test(machine, settings=_profile(40, 25))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_any_devices_at_length(machine: Callable[[], Devices]) -> None:
    run_state_machine_as_test(machine, settings=_profile(400, 50))
