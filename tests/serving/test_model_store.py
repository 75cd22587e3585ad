"""Which model answers after a start, from what lies in the cache."""

import os
import time

import pytest

from runtime import Manifest
from serving.metrics import Metrics
from serving.model_cache import POINTER, ModelCache
from serving.model_store import ModelStore
from serving.registry import Version
from tests.serving.models import FEATURES, cached, write_stump


def started(place) -> ModelStore:
    store = ModelStore(ModelCache(place), None, Metrics(), poll=1.0)
    store.start_from_cache()
    return store


def test_the_last_good_model_answers(tmp_path):
    cached(tmp_path, "3")
    assert started(tmp_path).current.version == Version("3", "m-3")


def test_an_empty_cache_is_no_model(tmp_path):
    store = started(tmp_path / "not there yet")
    assert (store.current, store.refused) == (None, None)


@pytest.mark.parametrize("name", ["manifest.json", "model.npz", "examples.npz"])
def test_a_rotten_cache_is_refused_and_the_server_starts(tmp_path, name):
    version = cached(tmp_path, "3")
    file = ModelCache(tmp_path).folder(version) / name
    file.write_bytes(file.read_bytes()[:-7])
    store = started(tmp_path)
    assert store.current is None
    assert store.refused.version == version


def test_an_unreadable_note_is_refused_and_the_server_starts(tmp_path):
    cached(tmp_path, "3")
    (tmp_path / POINTER).write_text("{")
    assert started(tmp_path).refused is not None


def test_a_model_that_wants_other_features_is_refused(tmp_path):
    unknown = {"name": "phase_of_the_moon", "dtype": "float64", "unit": "", "default": 0.0}
    cached(tmp_path, "3", features=[*FEATURES[:-1], unknown])
    assert "phase_of_the_moon" in started(tmp_path).refused.reason


def test_the_cache_keeps_the_version_before_and_no_more(tmp_path):
    cache = ModelCache(tmp_path)
    for number in ("1", "2", "3", "4"):
        with cache.incoming() as folder:
            write_stump(folder / "x")
            cache.keep(folder / "x", Version(number, "m"))
    kept = sorted(path.name.split("-")[0] for path in tmp_path.iterdir() if path.is_dir())
    assert (len(kept), kept[-1]) == (2, "4")
    assert cache.champion() == Version("4", "m")


def test_a_second_worker_leaves_the_folder_that_a_third_may_be_reading(tmp_path):
    version, cache = cached(tmp_path, "3"), ModelCache(tmp_path)
    before = cache.folder(version).stat().st_ino
    with cache.incoming() as folder:
        write_stump(folder / "x")
        cache.keep(folder / "x", version)
    assert cache.folder(version).stat().st_ino == before
    (cache.folder(version) / "model.npz").write_bytes(b"rotten")
    with cache.incoming() as folder:
        write_stump(folder / "x")
        cache.keep(folder / "x", version)
    assert started(tmp_path).current.version == version


def test_what_a_killed_worker_had_begun_is_swept_up(tmp_path):
    cached(tmp_path, "3")
    for name, age in ((".incoming-old", 7200), (".incoming-new", 10)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    cache = ModelCache(tmp_path)
    with cache.incoming() as folder:
        write_stump(folder / "x")
        cache.keep(folder / "x", Version("4", "m"))
    assert [path.name for path in tmp_path.glob(".incoming-*")] == [".incoming-new"]


def test_versions_of_the_same_number_in_two_registries_are_not_confused(tmp_path):
    cache = ModelCache(tmp_path)
    assert cache.folder(Version("1", "m-a")) != cache.folder(Version("1", "m-b"))


def test_a_manifest_in_another_order_is_asked_in_its_own_order(tmp_path):
    # the stump looks at column 0: here, that is the overlap and not the editors
    from serving.risk import judge

    model = started_model(tmp_path, features=[FEATURES[4], *FEATURES[:4], *FEATURES[5:]])
    values = {feature["name"]: feature["default"] for feature in FEATURES}
    assert isinstance(model.manifest, Manifest)
    assert judge(model, [values | {"field_overlap_score": 0.9}])[0].level == "high"
    assert judge(model, [values | {"concurrent_editors": 2.0}])[0].level == "low"


def test_a_model_of_an_older_contract_is_served_by_the_names_in_its_manifest(tmp_path):
    from serving.risk import judge

    five = list(reversed(FEATURES[:5]))
    cached(tmp_path, "3", features=five)
    store = started(tmp_path)
    assert store.refused is None and store.current.version.number == "3"
    values = {feature["name"]: feature["default"] for feature in FEATURES}
    assert judge(store.current.model, [values | {"field_overlap_score": 0.9}])[0].level == "high"
    assert judge(store.current.model, [values | {"concurrent_editors": 2.0, "open_edits": 9.0}])[0].level == "low"


def started_model(place, **changes):
    import numpy as np

    from runtime import load, save
    from tests.serving.models import editors_stump, manifest

    x = np.array([[0.0] * len(FEATURES), [1.0] * len(FEATURES)])
    save(place / "m", manifest(**changes), editors_stump(), x, [0.1, 0.9])
    return load(place / "m")
