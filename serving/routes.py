"""The prediction routes. Thin: who may ask, then the predictor."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response

from serving.predictor import Asker
from serving.schemas import BatchAnswer, BatchRequest, Prediction, PredictionRequest
from serving.state import PredictorDep
from web.auth import Caller, caller
from web.problems import Problem

MayPredict = Annotated[Caller, Depends(caller("predict"))]
PREFIXES = {"/api/ml": "ml", "/api/v1": "v1"}

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "No valid token"},
    403: {"description": "The token does not allow this: another user's edits need the scope `operate`"},
    413: {"description": "The body is too large"},
    503: {"description": "PostgreSQL is away: ask again after `Retry-After` seconds"},
}


async def predict(body: PredictionRequest, who: MayPredict, predictor: PredictorDep) -> Response:
    """How likely is it that this edit ends in a conflict?"""
    answers = await predictor.answer(_asker(who, body.user_id, body.device_id), [body])
    return _json(answers[0])


async def predict_batch(body: BatchRequest, who: MayPredict, predictor: PredictorDep) -> Response:
    """The same question about every edit of a client's queue, in one call."""
    answers = await predictor.answer(_asker(who, body.user_id, body.device_id), body.items)
    return _json({"predictions": answers})


def _asker(who: Caller, user: str, device: str | None) -> Asker:
    """The tenant is the token's; so is the user, unless the token may operate."""
    if user != who.user and "operate" not in who.scopes:
        raise Problem(403, "not_your_user", "A token asks about its own user's edits", f"the token is of {who.user}")
    return Asker(who.tenant, user, device)


def _json(content: dict[str, Any]) -> Response:
    # built by us field by field: validating our own answer again would cost more than the model does
    return Response(orjson.dumps(content), media_type="application/json")


def router() -> APIRouter:
    """Both addresses of the API; the second is where a client of the whole platform looks."""
    routes = APIRouter(tags=["predictions"], responses=_PROBLEMS)
    for prefix, name in PREFIXES.items():
        path = f"{prefix}/predict-conflict"
        routes.add_api_route(
            path,
            predict,
            methods=["POST"],
            response_model=Prediction,
            operation_id=f"predict_conflict_{name}",
        )
        routes.add_api_route(
            f"{path}/batch",
            predict_batch,
            methods=["POST"],
            response_model=BatchAnswer,
            operation_id=f"predict_conflicts_{name}",
        )
    return routes
