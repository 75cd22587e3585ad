"""The model registry: versions of `conflict_predictor` and the two aliases that name them.

Aliases, not stages: `challenger` is the newest trained, `champion` is what serves. An alias is resolved to a number
once and the number is used from then on. Whether a version deserves an alias is decided elsewhere (training, gate).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

MODEL_NAME: Final = "conflict_predictor"
CHALLENGER: Final = "challenger"
CHAMPION: Final = "champion"
STATUS: Final = "validation_status"
PASSED: Final = "passed"

# what the server says of an alias, a version or a model that is not there
ABSENT: Final = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")
LONGEST_DESCRIPTION: Final = 5000
_CUT: Final = "\n\nThe rest is in the run's model_card.md."
# the model's own tag: the versions that have been champion, oldest first, the present one last
_REIGNS: Final = "champions"
_ROLLED_BACK: Final = "rolled_back"


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version; its tags hold git_commit, dataset_digest, trained_until and more."""

    version: str
    run_id: str
    aliases: tuple[str, ...]
    created_at: datetime
    tags: dict[str, str]

    @property
    def is_rolled_back(self) -> bool:
        """An operator took this version out of service; only an operator puts it back."""
        return _ROLLED_BACK in self.tags


class NoSuchVersionError(LookupError):
    """The registry has no such version, or nothing to roll back to."""


def resolve(alias: str) -> Version | None:
    """The version an alias names now; None when the alias, or the whole model, does not exist yet."""
    with _absent_is_none():
        return _read(MlflowClient().get_model_version_by_alias(MODEL_NAME, alias), None)
    return None


def get(version: str) -> Version:
    """One version by number. Raises NoSuchVersionError."""
    with _absent_is_none():
        return _read(MlflowClient().get_model_version(MODEL_NAME, version), None)
    raise NoSuchVersionError(f"{MODEL_NAME} has no version {version}")


def versions() -> list[Version]:
    """Every registered version, newest first, with its aliases."""
    named = _aliases()
    found = _search(f"name='{MODEL_NAME}'")
    return sorted((_read(v, named) for v in found), key=lambda v: int(v.version), reverse=True)


def uri(version: Version) -> str:
    """The address of a version's artifacts, by number."""
    return f"models:/{MODEL_NAME}/{version.version}"


def find(tag: str, value: str) -> Version | None:
    """The newest version with this tag, if any."""
    found = _search(f"name='{MODEL_NAME}' and tags.{tag}='{value}'")
    newest = max(found, key=lambda v: int(v.version), default=None)
    return get(newest.version) if newest else None


def register(model_id: str, run_id: str, tags: dict[str, str], description: str) -> Version:
    """A logged model as the next version, named `challenger`."""
    client = MlflowClient()
    if not client.search_registered_models(filter_string=f"name='{MODEL_NAME}'"):
        client.create_registered_model(MODEL_NAME, description="Will this edit end in a conflict?")
    made = client.create_model_version(
        MODEL_NAME, f"models:/{model_id}", run_id, tags=tags, description=fitting(description), model_id=model_id
    )
    return point(CHALLENGER, made.version)


def fitting(description: str) -> str:
    """As much of it as the registry takes, in whole lines."""
    if len(description) <= LONGEST_DESCRIPTION:
        return description
    return description[: LONGEST_DESCRIPTION - len(_CUT)].rsplit("\n", 1)[0] + _CUT


def point(alias: str, version: str) -> Version:
    """Let an alias name a version."""
    MlflowClient().set_registered_model_alias(MODEL_NAME, alias, version)
    return get(version)


def tag(version: str, tags: dict[str, str]) -> None:
    """Set tags of a version."""
    for key, value in tags.items():
        MlflowClient().set_model_version_tag(MODEL_NAME, version, key, value)


def promote(version: str) -> Version:
    """Point `champion` at a version by an operator's word. The gate's own way in is `ml.gate.promote`.

    Raises NoSuchVersionError.
    """
    if get(version).is_rolled_back:
        MlflowClient().delete_model_version_tag(MODEL_NAME, version, _ROLLED_BACK)
    return _crown(version, [*(v for v in _reigns() if v != version), version])


def rollback() -> Version:
    """Point `champion` back at the version that served before the present one, which the gate then refuses.

    Raises NoSuchVersionError when there is none.
    """
    champion = resolve(CHAMPION)
    if champion is None:
        raise NoSuchVersionError("there is no champion to roll back from")
    earlier = [v for v in _reigns() if v != champion.version]
    if not earlier:
        raise NoSuchVersionError(f"no version served before {champion.version}")
    tag(champion.version, {_ROLLED_BACK: datetime.now(UTC).isoformat(timespec="seconds")})
    return _crown(earlier[-1], earlier)


def _crown(version: str, reigns: list[str]) -> Version:
    crowned = point(CHAMPION, version)
    MlflowClient().set_registered_model_tag(MODEL_NAME, _REIGNS, ",".join(reigns))
    return crowned


def _reigns() -> list[str]:
    """Versions that were champion and still exist."""
    recorded = MlflowClient().get_registered_model(MODEL_NAME).tags.get(_REIGNS, "")
    existing = {v.version for v in versions()}
    return [version for version in recorded.split(",") if version in existing]


def _search(query: str) -> list[ModelVersion]:
    client, found, token = MlflowClient(), [], None
    while True:
        page = client.search_model_versions(query, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _aliases() -> dict[str, list[str]]:
    """Version to aliases: a search of versions tells none, and the model tells them the other way round."""
    named: dict[str, list[str]] = {}
    with _absent_is_none():
        for alias, version in sorted(MlflowClient().get_registered_model(MODEL_NAME).aliases.items()):
            named.setdefault(str(version), []).append(alias)
    return named


def _read(found: ModelVersion, named: dict[str, list[str]] | None) -> Version:
    aliases = found.aliases if named is None else named.get(str(found.version), [])
    return Version(
        version=str(found.version),
        run_id=found.run_id or "",
        aliases=tuple(sorted(aliases)),
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        tags=dict(found.tags),
    )


@contextmanager
def _absent_is_none() -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
