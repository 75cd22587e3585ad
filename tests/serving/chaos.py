"""What the chaos test does to a server, and how it proves each answer: models with a reference, askers with a ledger.

The reference is scikit-learn's own forest; the server runs the compiled one.
"""

import asyncio
import contextlib
import random
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from sklearn.ensemble import RandomForestClassifier

from runtime import save
from serving.features import NAMES
from tests.runtime.reference import as_forest
from tests.serving.histories import FIELDS, RECORDS, USERS
from tests.serving.models import manifest
from tests.serving.running import Server

PATH = "/api/v1/predict-conflict"
A_SECOND = 20  # requests of one asker


def write_forest(folder: Path, seed: int) -> RandomForestClassifier:
    """A forest of its own for each seed, as a runtime folder; the reference that it was compiled from."""
    draw = np.random.default_rng(seed)
    x = draw.gamma(1.0, 20.0, size=(400, len(NAMES)))
    y = draw.random(400) < 1 / (1 + np.exp(-(x - 20) @ draw.normal(size=len(NAMES)) / 20))
    reference = RandomForestClassifier(n_estimators=20, max_depth=6, random_state=seed).fit(x, y)
    save(folder, manifest(), as_forest(reference), x[:50], reference.predict_proba(x[:50])[:, 1])
    return reference


@dataclass
class Ledger:
    """What was answered. answers: (when it was sent, the answer). away: requests that PostgreSQL's absence cost."""

    answers: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    away: list[float] = field(default_factory=list)
    cut: int = 0
    wrong: list[str] = field(default_factory=list)
    latencies: list[tuple[float, float]] = field(default_factory=list)

    def take(self, sent: float, response: httpx.Response) -> None:
        self.latencies.append((sent, 1000 * (time.monotonic() - sent)))
        body = response.json()
        if response.status_code == 200:
            self.answers += [(sent, one) for one in body.get("predictions", [body])]
        elif (
            response.status_code == 503 and body["code"] == "database_unavailable" and "Retry-After" in response.headers
        ):
            self.away.append(sent)
        else:
            self.wrong.append(f"{response.status_code}: {response.text[:500]}")

    def told(self, since: float, until: float) -> str:
        """Latencies of the requests that were sent in between."""
        found = sorted(ms for sent, ms in self.latencies if since <= sent < until)
        if not found:
            return "nothing was asked"
        p50, p99 = statistics.median(found), found[int(0.99 * (len(found) - 1))]
        return f"{len(found):5d} requests, p50 {p50:6.1f} ms, p99 {p99:7.1f} ms, slowest {found[-1]:7.1f} ms"


async def keep_asking(server: Server, ledger: Ledger, number: int, stop: asyncio.Event) -> None:
    """One client at a steady pace, singles, explanations and queues; comes back when its connection is cut."""
    draw, turn, began = random.Random(number), 0, time.monotonic()
    while not stop.is_set():
        user = draw.choice(USERS)
        async with server.client(user=user) as client:
            with contextlib.suppress(httpx.TransportError):
                while not stop.is_set():
                    turn += 1
                    await asyncio.sleep(max(0.0, began + turn / A_SECOND - time.monotonic()))
                    sent = time.monotonic()
                    path, body = _question(draw, user)
                    try:
                        response = await client.post(path, json=body)
                    except httpx.TransportError:
                        ledger.cut += 1
                        raise
                    ledger.take(sent, response)


def _question(draw: random.Random, user: str) -> tuple[str, dict[str, Any]]:
    def edit() -> dict[str, Any]:
        entity_type, entity_id = draw.choice(RECORDS)
        return {"entity_type": entity_type, "entity_id": entity_id, "fields": draw.sample(FIELDS, draw.randint(0, 2))}

    kind = draw.choices(["", "/explain", "/batch"], weights=[6, 3, 1])[0]
    if kind == "/batch":
        return PATH + kind, {"user_id": user, "items": [edit() for _ in range(10)]}
    return PATH + kind, {"user_id": user, **edit()}


def disagreements(
    answers: list[dict[str, Any]],
    logged: Mapping[str, Mapping[str, float]],
    references: Mapping[str, RandomForestClassifier],
) -> tuple[list[str], int]:
    """Every answer worked out again by its version's reference, from the features in the answer or in the log.

    Also how many of the answers could not be, because their row went with the worker that gave them.
    """
    wrong, unproven = [], 0
    for answer in answers:
        reference = references.get(str(answer["model_version"]))
        told = {one["feature"]: one["value"] for one in answer.get("features", [])}
        seen = told or logged.get(answer["prediction_id"])
        if reference is None:
            wrong.append(f"no version that may answer: {answer}")
        elif seen is None:
            unproven += 1
        elif reference.predict_proba([[seen[name] for name in NAMES]])[0, 1] != answer["conflict_probability"]:
            wrong.append(f"not what version {answer['model_version']} says of {seen}: {answer}")
    return wrong, unproven
