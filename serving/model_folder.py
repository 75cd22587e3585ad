"""A version's folder as it is downloaded and kept: the model of single records, and beneath it that of whole pushes.

Where the folder lies is the cache's, where it comes from the registry's.
"""

from pathlib import Path
from typing import Final, NamedTuple

from runtime import CompiledModel, CorruptModel, load
from serving import features, pushes

FILES: Final = ("manifest.json", "model.npz", "examples.npz")
PUSH: Final = "push"


class Models(NamedTuple):
    """What one version answers with; `push` is None where it learnt nothing of whole pushes."""

    record: CompiledModel
    push: CompiledModel | None


def read(folder: Path) -> Models:
    """The models in `folder`, proven, asking for no feature that is not ours to give. Raises CorruptModel."""
    return Models(_known(load(folder)), _of_pushes(folder / PUSH) if (folder / PUSH).exists() else None)


def _of_pushes(folder: Path) -> CompiledModel | None:
    model = _known(load(folder))
    rules = [pushes.rule(feature) for feature in model.manifest.features]
    if None in rules:  # of a version from before the manifest told how a push is made of its records
        return None
    if unknown := set(rules) - set(pushes.RULES):
        raise CorruptModel(f"it makes pushes of records in ways that are not known: {', '.join(map(str, unknown))}")
    return model


def _known(model: CompiledModel) -> CompiledModel:
    if unknown := set(model.manifest.names) - set(features.NAMES):
        raise CorruptModel(f"it wants features that are not served: {', '.join(sorted(unknown))}")
    return model
