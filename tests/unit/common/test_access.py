"""API keys: where they are looked for and what they are stored by."""

import pytest
from tieline.access import Principal, generate_key, hash_key, key_from_headers


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "tl_k"},
        {"x-authorization": "tl_k"},
        {"x-authorization": "Bearer tl_k"},
        {"authorization": "Bearer tl_k"},
        {"authorization": "bearer  tl_k "},
        {"x-api-key": "tl_k", "authorization": "Bearer other"},
    ],
)
def test_one_key_is_taken_from_any_of_the_headers(headers: dict[str, str]) -> None:
    assert key_from_headers(headers) == "tl_k"


@pytest.mark.parametrize("headers", [{}, {"x-api-key": " "}, {"authorization": "Bearer "}, {"x-api-key": "k" * 257}])
def test_no_usable_key_is_none(headers: dict[str, str]) -> None:
    assert key_from_headers(headers) is None


def test_keys_differ_and_their_hash_is_stable() -> None:
    one, two = generate_key(), generate_key()

    assert one != two
    assert hash_key(one) == hash_key(one)
    assert one not in hash_key(one)


def test_permissions_are_the_same_in_either_case() -> None:
    principal = Principal(
        key_id="k",
        user_id="u",
        workspace_id="w",
        workspace_slug="org-acme",
        permissions=frozenset({"integration.view"}),
    )

    assert principal.may("Integration.view")
    assert not principal.may("integration.edit")
    assert principal.names("org-acme")
    assert principal.names("w")
    assert not principal.names("org-other")
