"""The folder that a compiled model travels in: manifest.json, model.npz, examples.npz."""

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runtime.boosting import Boosting
from runtime.forest import Forest
from runtime.linear import Linear
from runtime.manifest import MANIFEST_FILE, CorruptModel, Manifest
from runtime.model import KINDS, CompiledModel, Model

MODEL_FILE = "model.npz"
EXAMPLES_FILE = "examples.npz"
EXAMPLE_TOLERANCE = 1e-9
TREE_TYPES: Final[dict[str, Any]] = {
    "roots": np.int32,
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "value": np.float64,
    "missing_left": np.bool_,
}
LINEAR_TYPES: Final[dict[str, Any]] = {
    "mean": np.float64,
    "scale": np.float64,
    "coef": np.float64,
    "intercept": np.float64,
    "is_logged": np.bool_,
    "low": np.float64,
    "high": np.float64,
}
# what folders of before do not hold: the model's own defaults stand for it
SINCE: Final = frozenset({"is_logged", "low", "high"})
ARRAY_TYPES: Final[dict[type[Model], dict[str, Any]]] = {
    Forest: TREE_TYPES,
    Boosting: TREE_TYPES | {"baseline": np.float64},
    Linear: LINEAR_TYPES,
}


def save(
    directory: Path | str,
    manifest: Manifest,
    model: Model,
    examples_x: ArrayLike,
    examples_p: ArrayLike,
) -> Manifest:
    """Write the model, and what the reference answers to examples_x (float64[n, F]); return the sealed manifest.

    The folder appears whole or not at all; one that was there is replaced. Raises ValueError when the model
    does not fit the manifest or does not answer examples_p (float64[n]) within 1e-9.
    """
    x, p = np.asarray(examples_x, dtype=np.float64), np.asarray(examples_p, dtype=np.float64)
    compiled = CompiledModel(manifest, model)
    if len(x) == 0 or not _agree(compiled, x, p):
        raise ValueError("the compiled model does not answer its examples as the reference does")
    arrays = {name: np.asarray(getattr(model, name), dtype=dtype) for name, dtype in ARRAY_TYPES[type(model)].items()}
    contents = {MODEL_FILE: _npz(arrays), EXAMPLES_FILE: _npz({"x": x, "p": p})}
    sealed = manifest.with_files({name: hashlib.sha256(data).hexdigest() for name, data in contents.items()})
    contents[MANIFEST_FILE] = sealed.to_json().encode()
    _write_folder(Path(directory), contents)
    return sealed


def load(directory: Path | str) -> CompiledModel:
    """Read, verify and prove a saved model. Raises CorruptModel on any doubt."""
    folder = Path(directory)
    try:
        manifest = Manifest.from_json((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        arrays = _read_npz(folder, MODEL_FILE, manifest)
        examples = _read_npz(folder, EXAMPLES_FILE, manifest)
        compiled = CompiledModel(manifest, _model(manifest, arrays))
        is_proven = _agree(compiled, examples["x"], examples["p"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise CorruptModel(f"{folder.name}: {error}") from error
    if not is_proven:
        raise CorruptModel(f"{folder.name}: does not answer its examples as it did when it was saved")
    return compiled


def _model(manifest: Manifest, arrays: dict[str, NDArray[Any]]) -> Model:
    kind = KINDS[manifest.model_type]
    # [()] makes a number of an array without dimensions, and leaves the others as they are
    read: dict[str, Any] = {
        name: arrays[name].astype(dtype, copy=False)[()]
        for name, dtype in ARRAY_TYPES[kind].items()
        if name in arrays or name not in SINCE
    }
    return kind(**read)


def _agree(model: CompiledModel, x: NDArray[np.float64], p: NDArray[np.float64]) -> bool:
    predicted = model.predict(x)
    return predicted.shape == p.shape and bool((np.abs(predicted - p) <= EXAMPLE_TOLERANCE).all())


def _npz(arrays: dict[str, NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _read_npz(folder: Path, name: str, manifest: Manifest) -> dict[str, NDArray[Any]]:
    data = (folder / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest.files.get(name):
        raise CorruptModel(f"{folder.name}: {name} is not what was saved")
    with np.load(io.BytesIO(data), allow_pickle=False) as read:
        return {key: read[key] for key in read.files}


def _write_folder(target: Path, contents: dict[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        fresh.chmod(0o755)
        for name, data in contents.items():
            with (fresh / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        if target.exists():
            # a folder that is not empty cannot be renamed over: step aside, then in
            aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
            target.rename(aside / "old")
            fresh.rename(target)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
