"""Which values are secret, where they are kept, and what is shown in their place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_gateway.domain.credentials import (
    MASK,
    decode_path,
    encode_path,
    is_secret_name,
    is_secret_value,
    masked,
    secret_text,
    split,
    token_key,
)

KEYS = st.text(max_size=8) | st.sampled_from(["password", "api_key", "a.b", "~", "url", "token_url", "x"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("https://u:p@h.example")
OBJECTS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=10,
    ),
    max_size=4,
)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Password",
        "db_passwd",
        "passphrase",
        "api_key",
        "apiKey",
        "API-Key",
        "access_token",
        "clientSecret",
        "webhook_secret",
        "private_key",
        "secretKey",
        "awsAccessKeyId",
        "credentials",
        "Authorization",
        "tokens",
    ],
)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["url", "username", "token_url", "tokenType", "access_token_expires_at", "secret_name", "region", "key"]
)
def test_names_that_hold_no_secret(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "xoxb-123-456",
        "ghp_abcdefgh",
        "sntrys_abcdefgh",
        "whsec_abcdefgh",
        "postgres://app:pw@db/app",
        "amqp://:pw@mq",
        "jdbc:postgresql://db/app?user=a&password=pw",
        "jdbc:sqlserver://db;password=pw",
    ],
)
def test_secret_values(value: str) -> None:
    assert is_secret_value(value)


@pytest.mark.parametrize(
    "value", ["https://example.com/a@b", "mailto:a@b.example", "sk-", "plain", "https://h/?passwords=no", "a:b@c"]
)
def test_values_that_are_no_secret(value: str) -> None:
    assert not is_secret_value(value)


def test_the_token_of_a_provider_is_found_by_its_letters() -> None:
    assert token_key("slack", ["url", "botToken"]) == "botToken"
    assert token_key("pagerduty", ["API_KEY"]) == "API_KEY"
    assert token_key("jira", ["token", "api_token"]) == "api_token"
    assert token_key("servicenow", ["username", "password"]) is None
    assert token_key("openai", ["api_key"]) is None


def test_split_takes_secrets_out_wherever_they_stand() -> None:
    parts = split(
        "config",
        {
            "url": "https://h.example",
            "password": "p",
            "inner": {"api.key": 1, "list": [{"token": "t"}, "xoxb-1-23456"]},
            "secrets": ["a", "b"],
            "file": "f",
        },
        also_secret=["file"],
    )

    assert parts.clear == {"url": "https://h.example", "inner": {"list": [{}, None]}}
    assert parts.secrets == {
        "config.password": "p",
        "config.inner.api~1key": "1",
        "config.inner.list.0.token": "t",
        "config.inner.list.1": "xoxb-1-23456",
        "config.secrets": '["a","b"]',
        "config.file": "f",
    }


@pytest.mark.parametrize("nothing", [None, "", False, True, [], {}])
def test_nothing_is_no_secret(nothing: Any) -> None:
    parts = split("config", {"password": nothing})

    assert (parts.clear, parts.secrets) == ({"password": nothing}, {})


def test_what_is_nested_too_deeply_to_look_into_is_one_secret() -> None:
    deep: Any = "leaf"
    for _ in range(40):
        deep = {"a": deep}

    parts = split("config", deep)

    [path] = parts.secrets
    assert path.count("a") == 16
    assert "leaf" in parts.secrets[path]


def test_repr_shows_no_secret() -> None:
    assert "hidden-value" not in repr(split("config", {"password": "hidden-value"}))


@given(keys=st.lists(st.text(), min_size=1, max_size=4))
def test_a_path_reads_back_as_its_keys(keys: list[str]) -> None:
    assert decode_path(encode_path(*keys)) == keys


@given(config=OBJECTS)
def test_what_is_shown_holds_no_secret_and_has_every_place(config: dict[str, Any]) -> None:
    parts = split("config", config)

    shown = masked("config", parts.clear, parts.secrets)

    again = split("config", shown)
    assert again.clear == parts.clear
    assert sorted(again.kept) == sorted(parts.secrets)
    assert not again.secrets


@given(config=OBJECTS)
def test_nothing_is_lost(config: dict[str, Any]) -> None:
    parts = split("config", config)
    assert isinstance(parts.clear, dict)

    for path, secret in parts.secrets.items():
        value: Any = config
        for key in decode_path(path)[1:]:
            value = value[int(key)] if isinstance(value, list) else value[key]
        assert secret_text(value) == secret


def test_a_mask_is_put_where_its_path_says_even_if_the_object_is_gone() -> None:
    assert masked("config", {}, ["config.a.b", "auth.x", "config"]) == {"a": {"b": MASK}}
    assert masked("config", {"a": "text"}, ["config.a.b"]) == {"a": "text"}
    assert masked("config", {"a": [1]}, ["config.a.5", "config.a.x.y"]) == {"a": [1]}
