"""The floor under a prediction: FastAPI verifies the same token, validates the same body, and returns a constant."""

import os
from typing import Annotated

import orjson
from fastapi import Depends, FastAPI, Response

from serving.schemas import PredictionRequest
from web import middleware, problems
from web.auth import Caller, caller

ANSWER = {
    "status": "ok",
    "conflict_probability": 0.5,
    "risk_level": "medium",
    "warning_message": None,
    "concurrent_editors_detected": 0,
    "prediction_id": "0192f0c1-6f5e-7cc0-8000-3c5b1f0e9a02",
    "model_version": "1",
    "threshold": 0.7,
    "top_factors": [],
}


def create_app() -> FastAPI:
    app = FastAPI()
    app.state.jwt_secret = os.environ["FORESYNC_JWT_SECRET"]
    problems.install(app)
    middleware.install(app, max_body_bytes=2 * 1024 * 1024)

    @app.post("/api/ml/predict-conflict")
    async def constant(_body: PredictionRequest, _who: Annotated[Caller, Depends(caller("predict"))]) -> Response:
        return Response(orjson.dumps(ANSWER), media_type="application/json")

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    return app
