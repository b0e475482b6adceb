"""The calls of one operation with one integration's credentials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from tieline.clock import Clock
from tieline.contracts.integrations import Integration
from tieline.outgoing import Answer, HostClients, OutgoingError

from tieline_sync.adapters.providers.failures import upstream
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers.authorization_code import OAuthApp
from tieline_sync.domain.providers.credentials import Credential, credential_of
from tieline_sync.domain.providers.errors import (
    LONGEST_SAID,
    CredentialsRefusedError,
    NotConfiguredError,
    RateLimitedError,
    UpstreamError,
)
from tieline_sync.domain.providers.limits import wait_of
from tieline_sync.domain.providers.reading import decoded
from tieline_sync.domain.providers.scrubbing import Scrubber
from tieline_sync.domain.providers.tokens import Token
from tieline_sync.handlers.tokens import Tokens

Query = Sequence[tuple[str, str]]
Verdict = Literal["limited", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """What is particular to one vendor's API.

    `address` is where it lives unless the integration says otherwise, `root` the path that follows an address without
    one. `authorization` puts a token into the header's form (the flag tells tokens of OAuth from keys). `said` reads
    an error's text out of an answer's JSON; `verdict` tells what an answer means beyond its status.
    """

    name: str
    address: str
    root: str = ""
    headers: Mapping[str, str]
    authorization: Callable[[str, bool], str]
    said: Callable[[Any], str]
    verdict: Callable[[Any], Verdict | None] = lambda _document: None


class Sessions:
    """Opens sessions. `apps` are this installation's OAuth apps by provider."""

    def __init__(self, http: HostClients, tokens: Tokens, clock: Clock, *, apps: Mapping[str, OAuthApp]) -> None:
        self._http = http
        self._tokens = tokens
        self._clock = clock
        self._apps = apps

    def open(self, vendor: Vendor, facts: Facts) -> "Session":
        """Return a session. Raises NotConfiguredError when there is no credential."""
        credential = credential_of(facts, apps=self._apps)
        if credential is None:
            raise NotConfiguredError("There are no credentials")
        return Session(vendor, facts, credential=credential, http=self._http, tokens=self._tokens, clock=self._clock)


class Session:
    """Calls one vendor. A token that is refused is renewed once, where it can be."""

    def __init__(
        self,
        vendor: Vendor,
        facts: Facts,
        *,
        credential: Credential,
        http: HostClients,
        tokens: Tokens,
        clock: Clock,
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._clock = clock
        self._vendor = vendor
        self._facts = facts
        self._credential = credential
        self._address = _address(vendor, facts)

    async def get(self, path: str, query: Query = ()) -> tuple[Any, Mapping[str, str]]:
        """Return JSON and headers of a 2xx answer. Raises UpstreamError and its subclasses."""
        return await self.call("GET", path, query=query)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, Mapping[str, str]]:
        """Return JSON and headers of a 2xx answer. Raises UpstreamError and its subclasses."""
        token: Token | None = None
        while True:
            refused, token = token, await self._token(refused=token)
            answer = await self._send(method, path, token, query=query, json=json, headers=headers or {})
            document = _json(answer)
            verdict = self._verdict(answer, document)
            if verdict != "refused" or self._credential.grant is None or refused is not None:
                return self._read(answer, document, verdict, token), answer.headers

    def _verdict(self, answer: Answer, document: Any) -> Verdict | None:
        if answer.status == 429:
            return "limited"
        return "refused" if answer.status == 401 else self._vendor.verdict(document)

    async def _token(self, *, refused: Token | None) -> Token | None:
        grant = self._credential.grant
        return None if grant is None else await self._tokens.get(self._integration, grant, refused=refused)

    @property
    def _integration(self) -> Integration:
        return self._facts.integration

    async def _send(
        self, method: str, path: str, token: Token | None, *, query: Query, json: Any, headers: Mapping[str, str]
    ) -> Answer:
        sent = {**self._vendor.headers, **headers, self._credential.header: self._proof(token)}
        try:
            return await self._http.call(
                method, self._address + path, params=list(query) or None, json=json, headers=sent
            )
        except OutgoingError as error:
            raise upstream(error) from error

    def _proof(self, token: Token | None) -> str:
        credential = self._credential
        if token is not None:
            return self._vendor.authorization(token.value, True)
        if credential.prefix == "Bearer " and credential.value is not None:
            # A token that surface A saved says that it is one.
            return self._vendor.authorization(credential.value, bool(self._integration.auth.get("token_type")))
        return credential.prefix + (credential.value or "")

    def _read(self, answer: Answer, document: Any, verdict: Verdict | None, token: Token | None) -> Any:
        if verdict == "limited":
            raise RateLimitedError(wait_of(answer.headers, self._clock()))
        if verdict is None and 200 <= answer.status < 300:
            if document is None:
                raise UpstreamError("The response is not valid JSON")
            return document
        said = self._scrubbed(self._vendor.said(document), token)
        details = f"HTTP {answer.status}" + (f": {said}" if said else "")
        if verdict == "refused":
            raise CredentialsRefusedError(details)
        raise UpstreamError(details, is_outage=answer.status >= 500)

    def _scrubbed(self, said: str, token: Token | None) -> str:
        secrets = [*self._facts.secrets.values(), self._proof(token), *([token.value] if token else [])]
        one_line = " ".join(said.split())
        return Scrubber(secrets).text(one_line)[:LONGEST_SAID]


def _json(answer: Answer) -> Any:
    try:
        return decoded(answer.body)
    except ValueError:
        return None


def _address(vendor: Vendor, facts: Facts) -> str:
    """Return where the vendor's API lives: as configured, the vendor's own path appended to an address without one."""
    configured = facts.find("config.base_url", "config.url")
    if configured is None:
        return vendor.address + vendor.root
    address = (configured if "://" in configured else f"https://{configured}").rstrip("/")
    try:
        has_path = bool(urlsplit(address).path)
    except ValueError as error:
        raise NotConfiguredError("config.base_url is not an address") from error
    return address if has_path else address + vendor.root
