"""Which model answers: follows `@champion`, proves a new version beside the old one, then swaps one reference.

A version that cannot prove itself is refused and reported, and the one before goes on answering. With the registry
away the last good version answers, also right after a start.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import httpx

from runtime import CompiledModel, CorruptModel
from serving import model_folder
from serving.metrics import Metrics
from serving.model_cache import ModelCache
from serving.model_folder import Models
from serving.registry import Registry, Version

logger = logging.getLogger("foresync.serving.model")

# seconds until a refused version is looked at again: somebody may have repaired its files
REFUSED_FOR = 60.0

Origin = Literal["registry", "cache"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that answers, of single records and, where `push` is, of whole pushes; and where it came from."""

    version: Version
    model: CompiledModel
    push: CompiledModel | None
    origin: Origin
    loaded_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """A champion that was not loaded, and why."""

    version: Version
    reason: str
    at: datetime


class ModelStore:
    """`current` is the model to answer with, or None: read it once per request and use that."""

    def __init__(self, cache: ModelCache, registry: Registry | None, metrics: Metrics, poll: float) -> None:
        self.current: Loaded | None = None
        self.refused: Refused | None = None
        self.registry_reachable: bool | None = None
        self._cache = cache
        self._registry = registry
        self._metrics = metrics
        self._poll = poll
        self._look_again = 0.0

    def start_from_cache(self) -> None:
        """Answer with the last good version until the registry says otherwise."""
        version = None
        try:
            version = self._cache.champion()
            if version is not None:
                self._swap(version, model_folder.read(self._cache.folder(version)), "cache")
        except CorruptModel as error:
            self._refuse(version or Version("?", ""), error)
            self._look_again = 0.0  # the registry may well have it whole

    async def follow(self) -> None:
        """Look at the registry for ever. Nothing that it answers, or fails to, ends this."""
        if self._registry is None:
            return
        while True:
            try:
                await self.look(self._registry)
            except Exception:
                logger.exception("looking for the champion failed")
                self._metrics.polls.labels("error").inc()
            await asyncio.sleep(self._poll)

    async def look(self, registry: Registry) -> None:
        """One look: load what is champion now, if it is not what answers already."""
        try:
            version = await registry.champion()
            self.registry_reachable = True
            self._metrics.polls.labels("ok").inc()
            if version is None:
                self._step_down()
            elif not self._is_known(version):
                await self._take(registry, version)
        except httpx.HTTPError as error:
            if self.registry_reachable is not False:
                logger.warning("the registry is away: %r", error)
            self.registry_reachable = False
            self._metrics.polls.labels("away").inc()

    async def _take(self, registry: Registry, version: Version) -> None:
        try:
            cached = self._cache.folder(version)
            models = await asyncio.to_thread(model_folder.read, cached)
            self._cache.name(version)
            self._swap(version, models, "cache")
        except CorruptModel:
            # not here, or not whole
            await self._fetch(registry, version)

    async def _fetch(self, registry: Registry, version: Version) -> None:
        with self._cache.incoming() as folder:
            try:
                await registry.download(version, folder)
                models = await asyncio.to_thread(model_folder.read, folder)
            except CorruptModel as error:
                self._refuse(version, error)
                return
            try:
                self._cache.keep(folder, version)
            except OSError as error:
                logger.warning(
                    "version %s answers, but cannot be kept for a start without the registry: %r", version.number, error
                )
        self._swap(version, models, "registry")

    def _is_known(self, version: Version) -> bool:
        if self.current is not None and self.current.version == version:
            self.refused = None
            return True
        return self.refused is not None and self.refused.version == version and time.monotonic() < self._look_again

    def _swap(self, version: Version, models: Models, origin: Origin) -> None:
        loaded = Loaded(version, models.record, models.push, origin, datetime.now(UTC))
        self._count(self.current, 0)
        self._count(loaded, 1)
        self.current = loaded
        self.refused = None
        logger.info("version %s answers from now on (from %s)", loaded.version.number, loaded.origin)

    def _count(self, loaded: Loaded | None, workers: int) -> None:
        if loaded is not None:
            self._metrics.model.labels(loaded.version.number, loaded.origin).set(workers)

    def _step_down(self) -> None:
        if self.current is not None:
            logger.warning("there is no champion any more: version %s steps down", self.current.version.number)
            self._count(self.current, 0)
            self._cache.forget()
        self.current = None
        self.refused = None

    def _refuse(self, version: Version, error: CorruptModel) -> None:
        self.refused = Refused(version, str(error), datetime.now(UTC))
        self._look_again = time.monotonic() + REFUSED_FOR
        self._metrics.refused.inc()
        logger.error("version %s is refused: %s", version.number, error)
