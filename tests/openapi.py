"""What every answer is held to by an OpenAPI document, and how long a document is tried."""

from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

DESCRIBED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def profile(examples: int) -> settings:
    """The same examples each time, so many for each operation."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
