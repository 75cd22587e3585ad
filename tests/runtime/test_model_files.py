"""A saved model comes back whole, or not at all."""

import json
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from runtime import CorruptModel, Manifest, load, save
from runtime.files import EXAMPLES_FILE, MODEL_FILE
from runtime.manifest import MANIFEST_FILE
from tests.runtime.reference import as_boosting, as_forest, manifest

FILES = (MANIFEST_FILE, MODEL_FILE, EXAMPLES_FILE)
X = np.random.default_rng(0).normal(size=(200, 4))


@pytest.fixture
def forest():
    return RandomForestClassifier(10, max_depth=5, random_state=0).fit(X, X[:, 0] > X[:, 1])


@pytest.fixture
def saved(tmp_path, forest):
    folder = tmp_path / "models" / "7"
    save(folder, manifest(4), as_forest(forest), X[:50], forest.predict_proba(X[:50])[:, 1])
    return folder


def test_what_was_saved_is_what_is_loaded(saved, forest):
    model = load(saved)
    assert np.array_equal(model.predict(X), forest.predict_proba(X)[:, 1])
    assert model.manifest.names == ("f0", "f1", "f2", "f3")
    assert set(model.manifest.files) == set(FILES)


def test_saving_again_replaces_the_folder_and_leaves_nothing_beside_it(saved, forest):
    p = forest.predict_proba(X[:50])[:, 1]
    save(saved, manifest(4, threshold=0.9), as_forest(forest), X[:50], p)
    assert load(saved).manifest.threshold == 0.9
    assert [path.name for path in saved.parent.iterdir()] == ["7"]


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_noticed(saved, name):
    data = bytearray((saved / name).read_bytes())
    data[len(data) // 2] ^= 1
    (saved / name).write_bytes(data)
    with pytest.raises(CorruptModel):
        load(saved)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_cut_file_is_noticed(saved, name):
    (saved / name).write_bytes((saved / name).read_bytes()[:-20])
    with pytest.raises(CorruptModel):
        load(saved)
    (saved / name).unlink()
    with pytest.raises(CorruptModel):
        load(saved)


def test_an_edited_threshold_is_noticed(saved):
    content = json.loads((saved / MANIFEST_FILE).read_text())
    content["threshold"] = 0.99
    (saved / MANIFEST_FILE).write_text(json.dumps(content))
    with pytest.raises(CorruptModel, match="not what was saved"):
        load(saved)


def test_a_model_that_answers_otherwise_than_the_reference_is_not_saved(tmp_path, forest):
    wrong = forest.predict_proba(X[:50])[:, 1] + 1e-6
    with pytest.raises(ValueError, match="examples"):
        save(tmp_path / "7", manifest(4), as_forest(forest), X[:50], wrong)
    assert not (tmp_path / "7").exists()


def test_files_that_fit_each_other_but_answer_otherwise_are_refused(saved, monkeypatch, forest):
    # as if another release of the runtime evaluated the same arrays differently
    monkeypatch.setattr("runtime.forest.ForestEvaluator.predict", lambda self, x: np.full(len(x), 0.25))
    with pytest.raises(CorruptModel, match="examples"):
        load(saved)


@pytest.fixture
def boosting():
    return HistGradientBoostingClassifier(max_iter=20, early_stopping=False).fit(X, X[:, 0] > X[:, 1])


@pytest.fixture
def saved_boosting(tmp_path, boosting):
    folder = tmp_path / "models" / "8"
    p = boosting.predict_proba(X[:50])[:, 1]
    save(folder, manifest(4, "gradient_boosting"), as_boosting(boosting), X[:50], p)
    return folder


def test_boosting_is_loaded_as_it_was_saved(saved_boosting, boosting):
    model = load(saved_boosting)
    assert model.manifest.model_type == "gradient_boosting"
    assert np.array_equal(model.predict(X), boosting.predict_proba(X)[:, 1])


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_of_boosting_is_noticed(saved_boosting, name):
    data = bytearray((saved_boosting / name).read_bytes())
    data[len(data) // 2] ^= 1
    (saved_boosting / name).write_bytes(data)
    with pytest.raises(CorruptModel):
        load(saved_boosting)


def test_boosting_whose_baseline_is_lost_or_no_number_is_refused(saved_boosting):
    """As if another writer had sealed the folder: the digests fit, the arrays do not."""
    with np.load(saved_boosting / MODEL_FILE) as read:
        arrays = dict(read)
    without = {name: array for name, array in arrays.items() if name != "baseline"}
    for wrong in (without, arrays | {"baseline": np.zeros(2)}, arrays | {"baseline": arrays["baseline"] + 1}):
        np.savez_compressed(saved_boosting / MODEL_FILE, **wrong)
        digests = {name: sha256((saved_boosting / name).read_bytes()).hexdigest() for name in FILES[1:]}
        sealed = manifest(4, "gradient_boosting").with_files(digests)
        (saved_boosting / MANIFEST_FILE).write_text(sealed.to_json())
        with pytest.raises(CorruptModel, match=r"baseline|finite number|examples"):
            load(saved_boosting)


def test_a_manifest_from_before_its_training_tenants_were_noted_is_whole():
    sealed = json.loads(manifest(4).with_files({"model.npz": "0"}).to_json())
    del sealed["trained_tenants"], sealed["files"][MANIFEST_FILE]
    canonical = json.dumps(sealed, sort_keys=True, separators=(",", ":"))
    sealed["files"][MANIFEST_FILE] = sha256(canonical.encode()).hexdigest()
    read = Manifest.from_json(json.dumps(sealed))
    assert read.trained_tenants is None and not read.learnt_from("acme")
    assert replace(read, tenants=["acme"]).learnt_from("acme")
    assert not replace(read, tenants=["acme"], trained_tenants=["other"]).learnt_from("acme")
