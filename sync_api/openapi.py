"""Pieces of the OpenAPI document that routes which decode by hand need to say."""

from typing import Any

from sync_api.push.documented import ProblemDoc
from web.openapi import body

__all__ = ["PROBLEMS", "Responses", "body", "problems"]

Responses = dict[int | str, dict[str, Any]]


def problems(which: dict[int, str], model: type[ProblemDoc] = ProblemDoc) -> Responses:
    """`responses` for the problems that a route can meet: status → when."""
    return {
        status: {"model": model, "description": when, "content": {"application/problem+json": {}}}
        for status, when in which.items()
    }


PROBLEMS = problems(
    {
        400: "The body is not JSON, or its compression is corrupt.",
        401: "No valid token. The queue stays as it is.",
        403: "The token, the tenant, the device or the project does not allow this.",
        413: "The inflated body is too large.",
        415: "An unknown content encoding.",
        422: "The envelope is not valid.",
        503: "Away or busy. Try again; the queue stays as it is.",
    }
)
