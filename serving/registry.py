"""MLflow's registry over REST: which version is champion, and its compiled files.

Only four calls are needed, so MLflow's own client (half a second and 60 MB) is imported for one thing alone:
artifacts that the server does not hand out itself.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from runtime import CorruptModel
from serving.model_folder import FILES, PUSH

MODEL_NAME = "conflict_predictor"
ALIAS = "champion"
RUNTIME_FOLDER = "runtime"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
ABSENT = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")
TIMEOUT = httpx.Timeout(10.0, connect=3.0)


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version. `source` tells it from a version of the same number in another registry."""

    number: str
    source: str


class Registry:
    """Raises httpx.HTTPError when the server is away or answers with an error."""

    def __init__(self, tracking_uri: str, username: str | None = None, password: str | None = None) -> None:
        auth = httpx.BasicAuth(username, password or "") if username else None
        self._client = httpx.AsyncClient(base_url=tracking_uri.rstrip("/"), timeout=TIMEOUT, auth=auth)

    async def champion(self) -> Version | None:
        """The version that the alias names; None when the model or the alias is not there."""
        answer = await self._client.get(
            "/api/2.0/mlflow/registered-models/alias", params={"name": MODEL_NAME, "alias": ALIAS}
        )
        if answer.status_code in (400, 404) and _error_code(answer) in ABSENT:
            return None
        version = answer.raise_for_status().json()["model_version"]
        return Version(str(version["version"]), str(version.get("model_id") or version.get("source") or ""))

    async def download(self, version: Version, folder: Path) -> None:
        """Write the compiled model's files into `folder`, which exists. CorruptModel when the version has none."""
        answer = await self._client.get(
            "/api/2.0/mlflow/model-versions/get-download-uri", params={"name": MODEL_NAME, "version": version.number}
        )
        root = urlsplit(str(answer.raise_for_status().json()["artifact_uri"]))
        if root.scheme != "mlflow-artifacts":
            await asyncio.to_thread(_download_elsewhere, version, str(self._client.base_url), folder)
            return
        runtime = f"{root.path.strip('/')}/{RUNTIME_FOLDER}"
        await self._files(runtime, folder)
        # asked for, not tried: not every store of artifacts says 404 of what it does not hold
        listed = (await self._client.get(ARTIFACTS, params={"path": runtime})).raise_for_status().json()
        if any(file["path"] == PUSH for file in listed.get("files", ())):
            (folder / PUSH).mkdir()
            await self._files(f"{runtime}/{PUSH}", folder / PUSH)

    async def _files(self, path: str, folder: Path) -> None:
        for name in FILES:
            async with self._client.stream("GET", f"{ARTIFACTS}/{quote(f'{path}/{name}')}") as file:
                if file.status_code == httpx.codes.NOT_FOUND:
                    raise CorruptModel(f"the version holds no {path[path.rindex(RUNTIME_FOLDER) :]}/{name}")
                file.raise_for_status()
                with (folder / name).open("wb") as target:
                    async for chunk in file.aiter_bytes():
                        target.write(chunk)

    async def close(self) -> None:
        await self._client.aclose()


def _error_code(answer: httpx.Response) -> str:
    try:
        body: Any = answer.json()
    except ValueError:
        return ""
    return str(body.get("error_code", "")) if isinstance(body, dict) else ""


def _download_elsewhere(version: Version, tracking_uri: str, folder: Path) -> None:
    """From a bucket or a shared folder, by MLflow's own means."""
    from mlflow.artifacts import download_artifacts

    uri = f"models:/{MODEL_NAME}/{version.number}/{RUNTIME_FOLDER}"
    fetched = Path(download_artifacts(uri, dst_path=str(folder), tracking_uri=tracking_uri))
    for name in (*FILES, PUSH):
        if name in FILES or (fetched / name).exists():
            (fetched / name).replace(folder / name)
