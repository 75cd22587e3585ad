"""Tokens: what is minted is understood, and nothing else is."""

import time
from datetime import timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import auth
from web.auth import SCOPES, Caller, check_secret, mint, verify
from web.problems import Problem

SECRET = "a secret that is at least 32 bytes long"
HOUR = timedelta(hours=1)


@given(
    tenant=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True),
    user=st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=200),
    scopes=st.sets(st.sampled_from(SCOPES)),
)
def test_a_token_says_who_it_was_minted_for(tenant: str, user: str, scopes: set[str]) -> None:
    token = mint(SECRET, tenant=tenant, user=user, scopes=tuple(scopes), expires_in=HOUR)
    assert verify(SECRET, token) == Caller(tenant, user, frozenset(scopes))


@pytest.mark.parametrize("tenant", ["", "a b", "-a", "a'", "a/b", "a\x00", "x" * 101, "ä"])
def test_a_tenant_is_named_narrowly(tenant: str) -> None:
    with pytest.raises(ValueError, match="tenant"):
        mint(SECRET, tenant=tenant, user="u", scopes=(), expires_in=HOUR)


def test_unknown_scopes_and_short_secrets_are_refused_before_anybody_relies_on_them() -> None:
    with pytest.raises(ValueError, match="scopes"):
        mint(SECRET, tenant="t", user="u", scopes=("root",), expires_in=HOUR)
    with pytest.raises(ValueError, match="32 bytes"):
        check_secret("short")


@pytest.mark.parametrize("missing", ["exp", "iat", "iss", "sub", "tenant", "scopes"])
def test_every_claim_is_needed(missing: str) -> None:
    token = mint(SECRET, tenant="t", user="u", scopes=("sync",), expires_in=HOUR)
    claims = jwt.decode(token, options={"verify_signature": False})
    del claims[missing]
    with pytest.raises(Problem) as refused:
        verify(SECRET, jwt.encode(claims, SECRET, algorithm="HS256"))
    assert (refused.value.status, refused.value.code) == (401, "token_invalid")


def test_a_token_is_read_once_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    token = mint(SECRET, tenant="t", user="read-once", scopes=("sync",), expires_in=HOUR)
    who = verify(SECRET, token)
    monkeypatch.setattr(auth.jwt, "decode", _expired)
    assert verify(SECRET, token) == who
    later = time.time() + HOUR.total_seconds() + auth.LEEWAY
    monkeypatch.setattr(auth.time, "time", lambda: later)
    with pytest.raises(Problem, match="expired"):
        verify(SECRET, token)


def test_what_is_remembered_of_tokens_is_bounded_and_belongs_to_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MOST_REMEMBERED", 3)
    monkeypatch.setattr(auth, "_verified", {})
    tokens = [mint(SECRET, tenant="t", user=f"u{n}", scopes=(), expires_in=HOUR) for n in range(5)]
    assert [verify(SECRET, token).user for token in tokens] == [f"u{n}" for n in range(5)]
    assert len(auth._verified) == 3
    with pytest.raises(Problem, match="not valid"):
        verify(SECRET[::-1], tokens[-1])


def _expired(*_args: object, **_options: object) -> None:
    raise jwt.ExpiredSignatureError
