"""Blocks of configuration that services share.

Each service composes the blocks it needs into one settings class and reads it once, in its `bootstrap`. Every value can
be set by an environment variable named `TIELINE_<BLOCK>__<FIELD>`, for example `TIELINE_KAFKA__BOOTSTRAP_SERVERS`.
Lengths of time are seconds (`15`, `0.5`) or ISO 8601 (`PT15S`).
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tieline.errors import ConfigurationError
from tieline.observability.tracing import tracing_problems
from tieline.secrets.keys import parse_key_ring
from tieline.service_tokens import SHORTEST_TOKEN, ServiceTokens

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


class Block(BaseModel):
    """One block of settings; unknown names are refused so that a typo does not pass unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _seconds(cls, value: Any, info: ValidationInfo) -> Any:
        """Take a plain number as seconds where a length of time is wanted: `TIELINE_HTTP__DRAIN=15`."""
        field = cls.model_fields[str(info.field_name)]
        if field.annotation is timedelta and isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            return timedelta(seconds=float(value))
        return value


class HttpSettings(Block):
    """Where the service listens."""

    host: str = Field(default="127.0.0.1", description="Address to bind; `0.0.0.0` in a container.")
    port: int = Field(default=8400, ge=1, le=65535, description="TCP port.")
    max_body_bytes: int = Field(default=1_048_576, ge=1024, description="Largest request body; beyond it 413.")
    linger: timedelta = Field(
        default=timedelta(0),
        description="After SIGTERM, how long requests are still taken while readiness already says no, so that load "
        "balancers notice first.",
    )
    drain: timedelta = Field(
        default=timedelta(seconds=15), description="After that, how long requests in hand may take to finish."
    )


class KafkaSettings(Block):
    """How to reach Kafka."""

    bootstrap_servers: str = Field(default="127.0.0.1:9092", description="Comma-separated `host:port`.")
    topic_prefix: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]{0,64}$",
        description="Put before every topic and consumer group, to share a cluster.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Transport to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="Used with the SASL protocols."
    )
    sasl_username: str | None = Field(default=None, description="Used with the SASL protocols.")
    sasl_password: SecretStr | None = Field(default=None, description="Used with the SASL protocols.")
    ssl_ca_file: Path | None = Field(
        default=None, description="PEM file of the authority to trust; the system's when unset."
    )
    request_timeout: timedelta = Field(
        default=timedelta(seconds=10), description="How long one request to a broker may take."
    )
    max_batch_bytes: int = Field(
        default=1_048_576,
        ge=16_384,
        description="Producer batch size. aiokafka's default of 16 KiB makes 4 KB records queue behind each other.",
    )
    replication_factor: int = Field(default=1, ge=1, description="For topics created by `tieline topics apply`.")


class MongoSettings(Block):
    """How to reach MongoDB."""

    url: SecretStr = Field(default=SecretStr("mongodb://127.0.0.1:27017"), description="Connection string.")
    database: str = Field(default="tieline", pattern=r"^[A-Za-z0-9_-]{1,48}$", description="Database name.")
    timeout: timedelta = Field(
        default=timedelta(seconds=5), description="How long one operation, or the choice of a server, may take."
    )
    max_pool_size: int = Field(default=32, ge=1, description="Connections per process.")


class InternalSettings(Block):
    """How services find and trust each other."""

    token: SecretStr = Field(
        default=SecretStr(""),
        description="Shared by the services; proves one to another. At least 16 characters. While it is replaced, "
        "several with commas between: the first is sent, all are accepted.",
    )
    credentials_token: SecretStr = Field(
        default=SecretStr(""),
        description="Proves a service that may open secrets: registry, sync-worker, webhook-router, never the gateway. "
        "The shared token serves while it is not set. Several, as above.",
    )
    registry_url: str = Field(default="http://127.0.0.1:8402", description="The registry's internal HTTP interface.")
    webhook_router_url: str = Field(
        default="http://127.0.0.1:8401", description="Where the gateway passes webhooks and events on to."
    )
    sync_worker_url: str = Field(
        default="http://127.0.0.1:8403", description="The sync worker's internal HTTP interface."
    )
    timeout: timedelta = Field(default=timedelta(seconds=5), description="How long one call between services may take.")

    @property
    def tokens(self) -> ServiceTokens:
        """What proves a service."""
        return ServiceTokens(self.token.get_secret_value())

    @property
    def opening_tokens(self) -> ServiceTokens:
        """What proves a service that may open secrets."""
        return ServiceTokens(self.credentials_token.get_secret_value() or self.token.get_secret_value())


class OutgoingSettings(Block):
    """Calls to providers and channels."""

    connect_timeout: timedelta = Field(default=timedelta(seconds=5), description="TCP and TLS, not the answer.")
    timeout: timedelta = Field(
        default=timedelta(seconds=10),
        description="The whole call; provider calls that take longer are reported as timed out.",
    )
    max_response_bytes: int = Field(
        default=16_777_216, ge=1024, description="Largest decompressed response that is read."
    )
    allow_http: bool = Field(default=False, description="Let tenant-given URLs use plain http.")
    dangerous_allow_private_addresses: bool = Field(
        default=False,
        description="Lets tenant-given URLs reach private and loopback addresses. For laptops and tests only.",
    )


class LogSettings(Block):
    """What is logged, to standard output, as JSON lines."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe level that is written."
    )


class ServiceSettings(BaseSettings):
    """Base of every service's settings: environment variables named `TIELINE_<BLOCK>__<FIELD>`."""

    model_config = SettingsConfigDict(
        env_prefix="TIELINE_",
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        nested_model_default_partial_update=True,
    )

    http: HttpSettings = HttpSettings()
    kafka: KafkaSettings = KafkaSettings()
    internal: InternalSettings = InternalSettings()
    log: LogSettings = LogSettings()

    def problems(self) -> list[str]:
        """Return what is missing or makes no sense together, each beginning with the variable to change."""
        return []

    def internal_problems(self) -> list[str]:
        """Return what is wrong with how this service proves itself to the others."""
        tokens = {"TIELINE_INTERNAL__TOKEN": self.internal.tokens}
        if self.internal.credentials_token.get_secret_value():
            tokens["TIELINE_INTERNAL__CREDENTIALS_TOKEN"] = self.internal.opening_tokens
        return [
            f"{name}: needs at least {SHORTEST_TOKEN} characters"
            for name, each in tokens.items()
            if not each.long_enough
        ]


def key_ring_problems(keys: SecretStr, *, setting: str) -> list[str]:
    """Return what is wrong with a key ring."""
    try:
        parse_key_ring(keys.get_secret_value(), setting=setting)
    except ConfigurationError as error:
        return [str(error)]
    return []


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def load(settings: type[SettingsT], *, complete: bool = True, **overrides: Any) -> SettingsT:
    """Read `settings` from the environment; `overrides` win.

    Raises ConfigurationError with everything that is wrong in one list, each named as its environment variable; values
    are not repeated. Not `complete`: what only running the service needs may be missing.
    """
    wrong: list[str] = []
    made: SettingsT | None = None
    try:
        made = settings(**overrides)
    except ValidationError as error:
        wrong += [
            f"TIELINE_{'__'.join(str(part) for part in each['loc']).upper()}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False)
        ]
        made = _mended(settings, error, overrides)
    if complete and made is not None:
        wrong += made.problems() + tracing_problems()
    if wrong or made is None:
        raise ConfigurationError("these settings are wrong:\n" + "\n".join(f"  {line}" for line in wrong))
    return made


def _mended(settings: type[SettingsT], error: ValidationError, overrides: dict[str, Any]) -> SettingsT | None:
    """Return the settings as if wrong variables were not set, to look for what else is wrong."""
    wrong = {f"TIELINE_{'__'.join(map(str, each['loc']))}".upper() for each in error.errors()}
    taken_out = {name: os.environ.pop(name) for name in list(os.environ) if name.upper() in wrong}
    try:
        return settings(**overrides) if taken_out else None
    except ValidationError:
        return None
    finally:
        os.environ.update(taken_out)
