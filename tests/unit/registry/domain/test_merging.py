"""How a draft's objects and secrets are laid over what is there."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tieline_registry.domain.merging import laid_over, without


def over(held: dict[str, Any], given: dict[str, Any] | None, **options: Any) -> tuple[dict[str, Any], dict[str, str]]:
    return laid_over(
        "config",
        held=held,
        given=given,
        held_secrets=options.get("held_secrets", {}),
        given_secrets=options.get("given_secrets", {}),
        kept=options.get("kept", ()),
        replaces=options.get("replaces", False),
    )


def test_nothing_given_changes_nothing() -> None:
    assert over({"url": "x"}, None, held_secrets={"config.password": "p"}) == (
        {"url": "x"},
        {"config.password": "p"},
    )


def test_merging_changes_the_given_keys_only() -> None:
    assert over({"a": 1, "b": 2}, {"b": 3, "c": 4})[0] == {"a": 1, "b": 3, "c": 4}


def test_null_in_a_merge_removes_value_and_secret() -> None:
    value, secrets = over({"a": 1, "b": 2}, {"a": None, "password": None}, held_secrets={"config.password": "p"})

    assert (value, secrets) == ({"b": 2}, {})


def test_null_in_a_merge_removes_secrets_below_its_key() -> None:
    _, secrets = over({}, {"tls": None}, held_secrets={"config.tls.key": "p", "config.tlsx": "q"})

    assert secrets == {"config.tlsx": "q"}


def test_a_plain_value_takes_the_place_of_a_secret() -> None:
    assert over({}, {"token": "plain"}, held_secrets={"config.token": "p"}) == ({"token": "plain"}, {})


def test_a_secret_takes_the_place_of_a_plain_value() -> None:
    assert over({"token": "plain"}, None, given_secrets={"config.token": "p"}) == ({}, {"config.token": "p"})


def test_replacing_drops_what_is_not_given_secrets_included() -> None:
    value, secrets = over({"a": 1}, {"b": None}, held_secrets={"config.password": "p"}, replaces=True)

    assert (value, secrets) == ({"b": None}, {})


def test_a_kept_secret_survives_replacing_and_the_mask_is_not_stored() -> None:
    value, secrets = over(
        {},
        {"password": "********", "url": "x"},
        held_secrets={"config.password": "p"},
        kept=["config.password"],
        replaces=True,
    )

    assert (value, secrets) == ({"url": "x"}, {"config.password": "p"})


def test_a_mask_with_nothing_behind_it_is_not_stored() -> None:
    assert over({}, {"password": "********"}, kept=["config.password"], replaces=True) == ({}, {})


def test_secrets_of_other_objects_are_left_to_them() -> None:
    _, secrets = over({}, {"a": 1}, held_secrets={"auth.token": "p"}, given_secrets={"auth.code": "q"})

    assert secrets == {}


def test_a_path_names_a_key_with_dots_and_a_nested_key() -> None:
    value = {"a.b": 1, "a": {"b": 2, "c": 3}}

    assert without(value, ["a.b"]) == {"a": {"c": 3}}
    assert value == {"a.b": 1, "a": {"b": 2, "c": 3}}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
keys = st.text(alphabet="ab.", min_size=1, max_size=4)
objects = st.dictionaries(keys, json_values, max_size=4)


@settings(max_examples=150)
@given(held=objects, given=objects | st.none(), secret=keys, replaces=st.booleans())
def test_no_secret_ever_stands_in_the_object_it_belongs_to(
    held: dict[str, Any], given: dict[str, Any] | None, secret: str, replaces: bool
) -> None:
    value, secrets = over(held, given, given_secrets={f"config.{secret}": "p"}, replaces=replaces)

    assert secrets[f"config.{secret}"] == "p"
    assert secret not in value
    assert without(value, [secret]) == value


@settings(max_examples=100)
@given(held=objects, given=objects)
def test_saving_the_same_again_changes_nothing(held: dict[str, Any], given: dict[str, Any]) -> None:
    once = over(held, given)

    assert over(once[0], given, held_secrets=once[1]) == once
