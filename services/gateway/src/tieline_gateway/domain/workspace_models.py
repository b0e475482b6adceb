"""Surface E's schemas, named and described as in its published OpenAPI document.

Rules that the document states in words only (the form of a name) are checked without showing in the schema.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from typing_extensions import TypeAliasType

ItemT = TypeVar("ItemT")

SearchString = TypeAliasType("SearchString", Annotated[str, StringConstraints(min_length=1, max_length=200)])
NameString = TypeAliasType("NameString", Annotated[str, StringConstraints(min_length=1, max_length=256)])

AuthTypeName = Literal[
    "api_key_header",
    "bearer_token",
    "oauth2_client_credentials",
    "json_token_exchange",
    "oauth2_jwt_bearer",
    "bearer_token_exchange",
]
_HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$"


class ExchangeHeaderMapping(BaseModel):
    """One header on a token-exchange request, taken from a parameter of the call.

    Belongs to `bearer_token_exchange`. The same values also key the cache, so that tokens of different users are kept
    apart.
    """

    header_name: str = Field(min_length=1, max_length=256, pattern=_HEADER_NAME)
    param_name: str = Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_\-]+$")
    consume: bool = True
    required: bool = True


class AuthConfig(BaseModel):
    """How an integration authenticates; secret values are never shown."""

    type: AuthTypeName
    header_name: str | None = None
    token_url: str | None = None
    client_id: str | None = None
    scopes: list[str] | None = None
    token_request_client_id_field: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    token_request_client_secret_field: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    token_response_path: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None
    assertion_issuer: str | None = None
    assertion_subject: str | None = None
    assertion_audience: str | None = None
    token_lifetime_seconds: int = 3600
    assertion_scopes_in_jwt: bool = False
    exchange_url: Annotated[str, StringConstraints(max_length=2048)] | None = None
    exchange_secret_header: str = Field(default="X-API-KEY", min_length=1, max_length=256, pattern=_HEADER_NAME)
    exchange_secret_format: str = Field(
        default="{secret}", min_length=8, max_length=128, pattern=r"^[^{}]*\{secret\}[^{}]*$"
    )
    exchange_param_headers: list[ExchangeHeaderMapping] = Field(default_factory=list, max_length=20)
    exchange_token_field: str = Field(default="token", min_length=1, max_length=256)
    exchange_expires_in_field: Annotated[str, StringConstraints(max_length=256)] | None = None
    exchange_default_ttl_seconds: int = Field(default=3600, ge=120)


class SecretInput(BaseModel):
    """A secret value on its way in: a PEM RSA key with a short chain fits, more does not."""

    value: str = Field(min_length=1, max_length=8192, repr=False)


class AuthConfigWithSecrets(AuthConfig):
    """How an integration authenticates, with its secret values. Unknown fields are refused, not dropped."""

    model_config = ConfigDict(extra="forbid")

    api_key_value: SecretInput | None = None
    bearer_token_value: SecretInput | None = None
    client_secret_value: SecretInput | None = None
    private_key_value: SecretInput | None = None
    exchange_secret_value: SecretInput | None = None


class RetryConfig(BaseModel):
    """When and how often a call is tried again."""

    max_retries: int = 2
    retry_on_status: list[int] = [429, 502, 503, 504]


class RequestTransform(BaseModel):
    """What is done to the body after path parameters and authentication, right before the call.

    `inject` goes into the outermost object, beside `wrap_params_key`, never inside it.
    """

    inject: dict[str, str] = Field(default_factory=dict, max_length=20)
    wrap_params_key: Annotated[str, StringConstraints(max_length=128)] | None = None


class EndpointConfig(BaseModel):
    """One call that an integration offers."""

    name: str
    description: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str
    input_schema: dict[str, Any] = {}
    response_mapping: dict[str, str] | None = None
    response_filter: list[str] | None = None
    result_template: str | None = None
    result_key: str | None = None
    max_result_length: int = 0
    retry_config: RetryConfig = RetryConfig()
    result_delivery: Literal["interrupt", "queue"] = "interrupt"
    headers: dict[str, str] = {}
    body_format: Literal["json", "form"] = "json"
    request_transform: RequestTransform | None = None


class IntegrationResponse(BaseModel):
    """One integration."""

    id: UUID = Field(description="Integration ID")
    workspace_id: UUID = Field(description="Workspace ID")
    name: str = Field(description="Slug-like identifier")
    display_name: str = Field(description="Human-readable name")
    protocol: Literal["rest", "desktop"] = Field(description="Communication protocol")
    base_url: str = Field(default="", description="Base URL for REST integrations")
    auth: AuthConfig | None = Field(default=None, description="Authentication configuration")
    endpoints: list[EndpointConfig] = Field(default_factory=list, description="Configured endpoints")
    enabled: bool = Field(description="Whether the integration is active")
    builtin: bool = Field(default=False, description="Whether this is a system-provided integration")
    created_at: datetime = Field(description="When the integration was created")
    updated_at: datetime = Field(description="When the integration was last updated")


class PaginatedResponse(BaseModel, Generic[ItemT]):
    """One page; `continuation_token` asks for the next."""

    items: list[ItemT]
    has_more: bool
    continuation_token: int | None = None
    total: int | None = None


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value):
        raise ValueError("must be lowercase letters, digits, hyphens and underscores, the first a letter or digit")
    return value


def _without_credentials(value: str) -> str:
    if "@" in value.partition("://")[2].partition("/")[0]:
        raise ValueError("must not hold credentials; they belong into auth")
    return value


def _distinct(endpoints: list[EndpointConfig]) -> list[EndpointConfig]:
    names = [endpoint.name for endpoint in endpoints]
    if len(set(names)) < len(names):
        raise ValueError("each endpoint needs a name of its own")
    return endpoints


BaseUrl = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_without_credentials)]
Endpoints = Annotated[list[EndpointConfig], Field(max_length=50), AfterValidator(_distinct)]


class CreateIntegrationRequest(BaseModel):
    """Body of the creation."""

    name: Annotated[str, AfterValidator(_slug)] = Field(
        min_length=2, max_length=128, description="Slug-like identifier, lowercase alphanumeric + hyphens/underscores."
    )
    display_name: NameString
    protocol: Literal["rest"] = "rest"
    base_url: BaseUrl = ""
    auth: AuthConfigWithSecrets | None = None
    endpoints: Endpoints = []
    enabled: bool = True


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class UpdateIntegrationRequest(BaseModel):
    """Body of `PATCH`: what is given replaces what is there, the rest stays; the name can't be changed."""

    model_config = ConfigDict(extra="forbid")

    display_name: NameString = Field(default="", json_schema_extra=_without_default)
    base_url: BaseUrl = Field(default="", json_schema_extra=_without_default)
    auth: AuthConfigWithSecrets | None = Field(default=None, description="Null removes authentication and its secrets")
    endpoints: Endpoints = Field(default=[], json_schema_extra=_without_default)
    enabled: bool = Field(default=True, json_schema_extra=_without_default)


class TestEndpointRequest(BaseModel):
    """Body of a run."""

    params: dict[str, Any] = {}


class TestEndpointResponse(BaseModel):
    """What every stage of a run made of the answer; a stage that was not reached is null."""

    status_code: int | None = Field(default=None, description="HTTP status code from the endpoint")
    duration_ms: float = Field(default=0, description="Request duration in milliseconds")
    retries: int = Field(default=0, description="Number of retry attempts")
    raw_response: Any = Field(default=None, description="Raw response body from the endpoint")
    after_filter: Any = Field(default=None, description="Response after filter transformations")
    after_mapping: Any = Field(default=None, description="Response after field mapping")
    final_result: str | None = Field(default=None, description="Final processed result")
    error: str | None = Field(default=None, description="Error message if the request failed")
