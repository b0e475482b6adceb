"""Tokens between services: one, or several while they are replaced."""

import pytest
from pydantic import SecretStr
from tieline.service_tokens import ServiceTokens
from tieline.settings import InternalSettings, ServiceSettings

OLD, NEW = "old-" + "x" * 16, "new-" + "y" * 16


def test_the_first_is_sent_and_any_proves() -> None:
    tokens = ServiceTokens(f"{NEW}, {OLD}")

    assert tokens.sent == NEW
    assert [tokens.prove(f"Bearer {token}") for token in (NEW, OLD)] == [True, True]


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer", NEW, f"bearer {NEW}", f"Bearer {NEW},{OLD}", "Bearer é"])
def test_nothing_else_proves(header: str) -> None:
    assert not ServiceTokens(f"{NEW},{OLD}").prove(header)


def test_no_token_proves_nobody() -> None:
    for text in ("", " , "):
        assert not ServiceTokens(text).prove("Bearer ")
        assert ServiceTokens(text).sent == ""


@pytest.mark.parametrize(
    ("token", "credentials", "wrong"),
    [
        (NEW, "", []),
        (f"{NEW},{OLD}", f"{OLD},{NEW}", []),
        ("", "", ["TIELINE_INTERNAL__TOKEN"]),
        (f"{NEW},short", "", ["TIELINE_INTERNAL__TOKEN"]),
        (NEW, "short", ["TIELINE_INTERNAL__CREDENTIALS_TOKEN"]),
    ],
)
def test_every_one_must_be_long_enough(token: str, credentials: str, wrong: list[str]) -> None:
    internal = InternalSettings(token=SecretStr(token), credentials_token=SecretStr(credentials))

    problems = ServiceSettings(internal=internal).internal_problems()

    assert [problem.partition(":")[0] for problem in problems] == wrong
