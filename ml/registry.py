"""The model registry: versions of `conflict_predictor` and the two aliases that name them.

Aliases, not stages: `challenger` is the newest trained, `champion` is what serves. An alias is resolved to a number
once and the number is used from then on. Whether a version deserves an alias is decided elsewhere (training, gate).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

MODEL_NAME: Final = "conflict_predictor"
CHALLENGER: Final = "challenger"
CHAMPION: Final = "champion"


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version; its tags hold git_commit, dataset_digest, trained_until and more."""

    version: str
    run_id: str
    aliases: tuple[str, ...]
    created_at: datetime
    tags: dict[str, str]


class NoSuchVersionError(LookupError):
    """The registry has no such version, or nothing to roll back to."""


def resolve(alias: str) -> Version | None:
    """The version an alias names now; None when the alias, or the whole model, does not exist yet."""
    raise NotImplementedError


def versions() -> list[Version]:
    """Every registered version, newest first, with its aliases."""
    raise NotImplementedError


def promote(version: str) -> Version:
    """Point `champion` at a version by an operator's word. The gate's own way in is `ml.gate.promote`.

    Raises NoSuchVersionError.
    """
    raise NotImplementedError


def rollback() -> Version:
    """Point `champion` back at the version that served before the present one.

    Raises NoSuchVersionError when there is none.
    """
    raise NotImplementedError
