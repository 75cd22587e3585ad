"""The throwaway server of the suite is a real one."""

import psycopg


def test_answers_with_passwords_only(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select current_setting('server_version_num')::int / 10000").fetchone() == (18,)
        assert connection.execute(
            "select count(*) from pg_hba_file_rules where auth_method <> 'scram-sha-256'"
        ).fetchone() == (0,)
