"""The prediction routes. Thin: who may ask, then the predictor."""

from typing import Annotated, Any, TypeVar, cast

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ValidationError

from serving.predictor import Asker, Predictor
from serving.schemas import BatchAnswer, BatchRequest, Explained, Prediction, PredictionRequest
from web import openapi, problems
from web.auth import Caller, caller
from web.problems import Problem

_may_predict = caller("predict")
MayPredict = Annotated[Caller, Depends(_may_predict)]
Body = TypeVar("Body", bound=BaseModel)
PREFIXES = {"/api/ml": "ml", "/api/v1": "v1"}

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "No valid token"},
    403: {"description": "The token does not allow this: another user's edits need the scope `operate`"},
    413: {"description": "The body is too large"},
    422: {"description": "The request is not valid"},
    503: {"description": "PostgreSQL is away: ask again after `Retry-After` seconds"},
}


async def predict(request: Request, who: MayPredict) -> Response:
    """How likely is it that this edit ends in a conflict?"""
    asked = _read(PredictionRequest, await request.body())
    answers = await _predictor(request).answer([_asker(who, asked.user_id, asked.device_id)], [asked])
    return _json(request, answers[0], answers[0])


async def predict_shortly(request: Request) -> Response:
    """The same, for `Shortcuts`."""
    return await predict(request, await _may_predict(request))


async def predict_batch(request: Request, who: MayPredict) -> Response:
    """The same question about every edit of a client's queue, and about all of them as one push, in one call."""
    asked = _read(BatchRequest, await request.body())
    told = await _predictor(request).answer_queue(_askers(who, asked), asked.items)
    return _json(request, {"predictions": told.predictions, "push": told.push}, told.predictions[0])


async def explain(request: Request, who: MayPredict) -> Response:
    """The same question, answered with every feature and its exact part in the answer."""
    asked = _read(PredictionRequest, await request.body())
    answer = await _predictor(request).explain(_asker(who, asked.user_id, asked.device_id), asked)
    return _json(request, answer, answer)


def _read(model: type[Body], body: bytes) -> Body:
    """The body, validated straight from its bytes: FastAPI would take it through Python's objects first."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise problems.not_valid(error.errors(include_url=False, include_context=False), "body") from error


def _predictor(request: Request) -> Predictor:
    return cast(Predictor, request.state.predictor)


def _asker(who: Caller, user: str, device: str | None) -> Asker:
    """The tenant is the token's; so is the user, unless the token may operate."""
    if user != who.user and "operate" not in who.scopes:
        raise Problem(403, "not_your_user", "A token asks about its own user's edits", f"the token is of {who.user}")
    return Asker(who.tenant, user, device, who.user)


def _askers(who: Caller, asked: BatchRequest) -> list[Asker]:
    """For each item its own user and device, else the batch's; the batch's device is not another user's."""
    whole = _asker(who, asked.user_id, asked.device_id)
    return [
        whole
        if item.user_id is None and item.device_id is None
        else _asker(who, item.user_id or whole.user, item.device_id or (None if item.user_id else whole.device))
        for item in asked.items
    ]


def _json(request: Request, content: dict[str, Any], answer: dict[str, Any]) -> Response:
    request.scope["state"]["model_version"] = answer["model_version"]  # for the log
    # built by us field by field: validating our own answer again would cost more than the model does
    return Response(orjson.dumps(content), media_type="application/json")


def router() -> APIRouter:
    """Both addresses of the API; the second is where a client of the whole platform looks."""
    routes = APIRouter(tags=["predictions"], responses=_PROBLEMS)
    for prefix, name in PREFIXES.items():
        for path, ask, body, answer, operation in (
            ("", predict, PredictionRequest, Prediction, "predict_conflict"),
            ("/batch", predict_batch, BatchRequest, BatchAnswer, "predict_conflicts"),
            ("/explain", explain, PredictionRequest, Explained, "explain_conflict_prediction"),
        ):
            routes.add_api_route(
                f"{prefix}/predict-conflict{path}",
                ask,
                methods=["POST"],
                response_model=answer,
                openapi_extra=openapi.body(body),
                operation_id=f"{operation}_{name}",
            )
    return routes
