"""The types of surface B: their category, the keys their configuration needs, and which of its values are secret.

The document leaves out what the AWS rows need for each `connectionType`. The rules here follow the three ways AWS
credentials are had; names are compared by their letters and digits alone, so `accessKey`, `access_key` and
`Access Key` are the same.

| way | `connectionType`, for example | further keys |
|---|---|---|
| an access key | `accessKey`, `access_key_secret`, `keys` | one of `ACCESS_KEYS`, one of `ACCESS_SECRETS` |
| a role that is assumed | `assumeRole`, `externalRole`, `crossAccount` | one of `ROLE_ARNS` |
| what the machine has | `default`, `currentRole`, `instanceProfile` | none |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

ACCESS_KEYS: Final = ("accessKey", "accessKeyId", "awsAccessKey", "awsAccessKeyId")
ACCESS_SECRETS: Final = (
    "secretKey",
    "accessSecret",
    "secretAccessKey",
    "accessKeySecret",
    "awsSecretKey",
    "awsSecretAccessKey",
    "secret",
)
ROLE_ARNS: Final = ("roleArn", "arn", "assumeRoleArn", "awsRoleArn", "role")


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkType:
    """One row of the document's table. `secret` are keys that hold a secret although their name does not say so."""

    category: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    aws: bool = False


def _model(*required: str, optional: tuple[str, ...] = (), secret: tuple[str, ...] = ()) -> BulkType:
    return BulkType(category="AI_MODEL", required=required, optional=optional, secret=secret)


def _vectors(*required: str, optional: tuple[str, ...] = ()) -> BulkType:
    return BulkType(category="VECTOR_DB", required=required, optional=optional)


def _broker(*required: str, optional: tuple[str, ...] = (), secret: tuple[str, ...] = ()) -> BulkType:
    return BulkType(category="MESSAGE_BROKER", required=required, optional=optional, secret=secret)


def _aws(category: str) -> BulkType:
    return BulkType(category=category, required=("connectionType", "region"), optional=("awsAccountId",), aws=True)


_KEY_FILE: Final = ("file",)  # a service account's key, as JSON

TYPES: Final[Mapping[str, BulkType]] = {
    "ollama": _model("endpoint", optional=("header", "api_key"), secret=("header",)),
    "azure_openai": _model("api_key", "endpoint"),
    "openai": _model("api_key", optional=("endpoint", "organizationId")),
    "perplexity": _model("api_key"),
    "grok": _model("api_key"),
    "cohere": _model("api_key", "endpoint"),
    "mistral": _model("api_key", "endpoint"),
    "anthropic": _model("api_key", "endpoint", optional=("completionsPath", "version", "betaVersion")),
    "vertex_ai": _model("projectName", "environment", "publisher", "file", secret=_KEY_FILE),
    "vertex_ai_gemini": _model("projectName", "environment", "file", secret=_KEY_FILE),
    "huggingface": _model("api_key", "namespace"),
    "aws_bedrock_anthropic": _aws("AI_MODEL"),
    "aws_bedrock_cohere": _aws("AI_MODEL"),
    "aws_bedrock_titan": _aws("AI_MODEL"),
    "pineconedb": _vectors("api_key", "projectName", "environment"),
    "weaviatedb": _vectors("api_key", "endpoint"),
    "pgvectordb": _vectors(
        "user",
        "password",
        "datasourceURL",
        "dimensions",
        "distance_metric",
        "indexing_method",
        optional=("inverted_list_count",),
    ),
    "mongovectordb": _vectors(
        "endpoint", "namespace", "dimensions", "distance_metric", optional=("inverted_list_count",)
    ),
    "amqp": _broker("protocol", "user", "password", "endpoint", "port", "namespace"),
    "kafka": _broker("endpoint", "connectionType", "protocol", optional=("groupId",)),
    "nats": _broker("endpoint", "connectionType", "authenticationType", "protocol", "tls"),
    "aws_sqs": _aws("MESSAGE_BROKER"),
    "azure_service_bus": _broker("connectionType", optional=("endpoint", "namespace"), secret=("connectionString",)),
    "gcp_pubsub": _broker("projectName", "location", "file", secret=_KEY_FILE),
    "ibm_mq": _broker(
        "endpoint", "port", "queueManager", "channel", "protocol", "pubSubMethod", "authenticationType", "tls"
    ),
    "aws": _aws("CLOUD"),
    "gcp": BulkType(category="CLOUD", required=("projectName", "environment", "file"), secret=_KEY_FILE),
    "relational_db": BulkType(category="RELATIONAL_DB", required=("jdbcDriver", "user", "password", "datasourceURL")),
    "sendgrid": BulkType(category="EMAIL", required=("api_key",)),
    "git": BulkType(category="GIT", required=("user", "api_key")),
}

_THE_MACHINES = re.compile(r"default|chain|current|instance|environment|conductor|irsa|podidentity")
_KEYS = re.compile(r"key|secret|static|credential|iamuser")
_ROLE = re.compile(r"assume|external|cross|role|arn|sts")


def problems(kind: BulkType, configuration: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with a configuration, as (key, words). A key whose value is null or empty is missing."""
    given = {key for key, value in configuration.items() if value is not None and value != ""}
    missing = [(key, "is required") for key in kind.required if key not in given]
    if kind.aws and "connectionType" in given:
        missing += _aws_problems(configuration["connectionType"], given)
    return missing


def _aws_problems(connection_type: Any, given: set[str]) -> list[tuple[str, str]]:
    way = _letters(str(connection_type))
    if _THE_MACHINES.search(way):
        return []
    if _KEYS.search(way):
        return _one_of(given, ACCESS_KEYS, "access key") + _one_of(given, ACCESS_SECRETS, "access key")
    if _ROLE.search(way):
        return _one_of(given, ROLE_ARNS, "role")
    return [("connectionType", "must name an access key (accessKey), a role to assume (assumeRole) or the default")]


def _one_of(given: set[str], names: tuple[str, ...], way: str) -> list[tuple[str, str]]:
    letters = {_letters(key) for key in given}
    if any(_letters(name) in letters for name in names):
        return []
    return [(names[0], f"is required when connectionType is that of the {way}")]


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
