"""The champion of a real MLflow server: swapped under requests, refused when corrupt, done without when it is away."""

import asyncio
from pathlib import Path

import pytest

from serving.registry import ALIAS, MODEL_NAME
from tests.serving.models import write_both, write_stump
from tests.serving.registered import crown, register
from tests.serving.running import eventually, serve

pytestmark = pytest.mark.slow


async def test_champions_are_swapped_under_requests(settings, registry, mlflow_server, tmp_path):
    versions = {register(registry, write_stump(tmp_path / f"v{i}", low=i / 100)): i / 100 for i in range(1, 6)}
    crown(registry, next(iter(versions)))
    async with serve(settings(tracking_uri=mlflow_server.url)) as server:
        await eventually(lambda: answers(server, next(iter(versions))))
        seen, stop = set(), asyncio.Event()

        async def ask() -> None:
            async with server.client() as client:
                while not stop.is_set():
                    question = {"user_id": "ann", "entity_type": "task", "entity_id": "t"}
                    answer = (await client.post("/api/v1/predict-conflict", json=question)).json()
                    assert answer["conflict_probability"] == versions[answer["model_version"]]
                    seen.add(answer["model_version"])

        askers = [asyncio.create_task(ask()) for _ in range(4)]
        for version in versions:
            await asyncio.to_thread(crown, registry, version)
            await eventually(lambda: answers(server, version))  # noqa: B023 - awaited in this turn
        stop.set()
        await asyncio.gather(*askers)
    assert seen == set(versions)


async def test_a_corrupt_champion_is_refused_and_the_old_one_stays(settings, registry, mlflow_server, tmp_path):
    good = register(registry, write_stump(tmp_path / "good"))
    rotten = write_stump(tmp_path / "rotten", low=0.2)
    (rotten / "model.npz").write_bytes((rotten / "model.npz").read_bytes()[:-9])
    bad, empty = register(registry, rotten), register(registry, empty_folder(tmp_path))
    crown(registry, good)
    async with serve(settings(tracking_uri=mlflow_server.url)) as server:
        await eventually(lambda: answers(server, good))
        for version in (bad, empty):
            await asyncio.to_thread(crown, registry, version)
            await eventually(lambda: refuses(server, version))  # noqa: B023 - awaited in this turn
            assert (await server.ask())["model_version"] == good
        assert await server.counted("foresync_models_refused_total") == 2
        better = register(registry, write_stump(tmp_path / "better", low=0.3))
        await asyncio.to_thread(crown, registry, better)
        await eventually(lambda: answers(server, better))
        assert (await server.get("/model")).json()["refused"] is None


async def test_what_answers_about_pushes_comes_goes_and_is_refused_with_its_version(
    settings, registry, mlflow_server, tmp_path
):
    rotten = write_both(tmp_path / "rotten")
    (rotten / "push" / "model.npz").write_bytes(b"rotten")
    torn = write_both(tmp_path / "torn")
    (torn / "push" / "examples.npz").unlink()
    both, bad, half = (register(registry, folder) for folder in (write_both(tmp_path / "both"), rotten, torn))
    alone = register(registry, write_stump(tmp_path / "alone"))
    crown(registry, both)
    chosen = settings(tracking_uri=mlflow_server.url)
    async with serve(chosen) as server:
        await eventually(lambda: answers(server, both))
        assert (await push(server))["conflict_probability"] == 0.2
        for version in (bad, half):
            await asyncio.to_thread(crown, registry, version)
            await eventually(lambda: refuses(server, version))  # noqa: B023 - awaited in this turn
            assert (await push(server))["conflict_probability"] == 0.2
    async with serve(chosen) as server:  # from the cache
        assert (await push(server))["conflict_probability"] == 0.2
        await asyncio.to_thread(crown, registry, alone)
        await eventually(lambda: answers(server, alone))
        assert await push(server) is None


async def test_a_champion_that_steps_down_leaves_the_risk_unknown(settings, registry, mlflow_server, tmp_path):
    version = register(registry, write_stump(tmp_path / "v"))
    crown(registry, version)
    async with serve(settings(tracking_uri=mlflow_server.url)) as server:
        await eventually(lambda: answers(server, version))
        await asyncio.to_thread(registry.delete_registered_model_alias, MODEL_NAME, ALIAS)
        await eventually(lambda: answers(server, None))
        assert (await server.ask())["risk_level"] == "unknown"


async def test_what_has_rotted_in_the_cache_is_fetched_again(settings, registry, mlflow_server, tmp_path):
    version = register(registry, write_stump(tmp_path / "v"))
    crown(registry, version)
    chosen = settings(tracking_uri=mlflow_server.url)
    async with serve(chosen) as server:
        await eventually(lambda: answers(server, version))
    [model] = chosen.model_cache.glob("*/model.npz")
    model.write_bytes(b"rotten")
    async with serve(chosen) as server:
        await eventually(lambda: answers(server, version))
        assert (await server.get("/model")).json()["origin"] == "registry"


async def test_with_mlflow_dead_it_serves_and_starts_from_its_cache(settings, registry, mlflow_server, tmp_path):
    version = register(registry, write_stump(tmp_path / "v"))
    crown(registry, version)
    chosen = settings(tracking_uri=mlflow_server.url)
    async with serve(chosen) as server:
        await eventually(lambda: answers(server, version))
        mlflow_server.kill()
        await eventually(lambda: is_alone(server))
        assert (await server.ask())["model_version"] == version
    async with serve(chosen) as server:
        assert (await server.ask())["model_version"] == version
        assert (await server.get("/model")).json()["origin"] == "cache"


async def push(server) -> dict | None:
    body = {"user_id": "ann", "items": [{"entity_type": "task", "entity_id": "t"}]}
    async with server.client() as client:
        return (await client.post("/api/v1/predict-conflict/batch", json=body)).json()["push"]


async def answers(server, version) -> bool:
    return (await server.get("/model")).json()["version"] == version


async def refuses(server, version) -> bool:
    refused = (await server.get("/model")).json()["refused"]
    return refused is not None and refused["version"] == version


async def is_alone(server) -> bool:
    return (await server.get("/model")).json()["registry_reachable"] is False


def empty_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "readme.txt").write_text("no model here")
    return folder
