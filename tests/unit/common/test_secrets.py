"""Sealing and encryption at rest: what is moved, changed or foreign does not open."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tieline.errors import ConfigurationError
from tieline.secrets.envelope import Ciphertext, MasterKeys, UndecryptableError
from tieline.secrets.keys import encode_key, parse_key_ring
from tieline.secrets.sealing import Opener, SealBrokenError, Sealer

PRIVATE = X25519PrivateKey.generate()
PUBLIC_TEXT = encode_key("s1", PRIVATE.public_key().public_bytes_raw())
PRIVATE_TEXT = encode_key("s1", PRIVATE.private_bytes_raw())
PLACE = {"workspace_id": "w1", "command_id": "c1", "path": "auth.access_token"}


@given(st.text(max_size=200))
def test_a_sealed_value_opens_where_it_was_sealed_for(value: str) -> None:
    sealed = Sealer(PUBLIC_TEXT).seal(value, **PLACE)

    assert Opener(PRIVATE_TEXT).open(sealed, **PLACE) == value


@pytest.mark.parametrize("moved", [{"workspace_id": "w2"}, {"command_id": "c2"}, {"path": "auth.refresh_token"}])
def test_a_sealed_value_moved_elsewhere_does_not_open(moved: dict[str, str]) -> None:
    sealed = Sealer(PUBLIC_TEXT).seal("s3cret", **PLACE)

    with pytest.raises(SealBrokenError):
        Opener(PRIVATE_TEXT).open(sealed, **{**PLACE, **moved})


def test_a_value_sealed_to_an_older_key_of_the_ring_opens() -> None:
    newer = encode_key("s2", X25519PrivateKey.generate().private_bytes_raw())
    sealed = Sealer(PUBLIC_TEXT).seal("s3cret", **PLACE)

    assert Opener(f"{newer},{PRIVATE_TEXT}").open(sealed, **PLACE) == "s3cret"


def test_sealing_twice_gives_different_bytes() -> None:
    sealer = Sealer(PUBLIC_TEXT)

    assert sealer.seal("s3cret", **PLACE).sealed != sealer.seal("s3cret", **PLACE).sealed


def test_neither_a_sealed_value_nor_a_data_key_shows_itself_in_text() -> None:
    sealed = Sealer(PUBLIC_TEXT).seal("s3cret", **PLACE)
    key, wrapped = a_ring("m1").new_data_key("d1", "w1")

    assert "sealed=" not in repr(sealed)
    assert "b'" not in repr(key) + repr(wrapped)


def a_ring(*kids: str, keys: dict[str, bytes] = {}) -> MasterKeys:  # noqa: B006 - shared on purpose, keys stay the same
    return MasterKeys(",".join(encode_key(kid, keys.setdefault(kid, os.urandom(32))) for kid in kids))


@given(st.text(max_size=200))
def test_a_value_at_rest_opens_in_its_place(value: str) -> None:
    key, wrapped = a_ring("m1").new_data_key("d1", "w1")

    ciphertext = key.encrypt(value, "w1", "i1", "config.password")

    assert a_ring("m1").unwrap("d1", wrapped, "w1").decrypt(ciphertext, "w1", "i1", "config.password") == value


@pytest.mark.parametrize(
    "place", [("w2", "i1", "config.password"), ("w1", "i2", "config.password"), ("w1", "i1", "config.token")]
)
def test_a_ciphertext_moved_to_another_place_does_not_open(place: tuple[str, ...]) -> None:
    key, _ = a_ring("m1").new_data_key("d1", "w1")
    ciphertext = key.encrypt("s3cret", "w1", "i1", "config.password")

    with pytest.raises(UndecryptableError):
        key.decrypt(ciphertext, *place)


def test_every_changed_bit_is_noticed() -> None:
    key, _ = a_ring("m1").new_data_key("d1", "w1")
    ciphertext = key.encrypt("s3cret", "w1")

    for index in range(len(ciphertext.data)):
        changed = bytearray(ciphertext.data)
        changed[index] ^= 1
        with pytest.raises(UndecryptableError):
            key.decrypt(Ciphertext(kid="d1", data=bytes(changed)), "w1")


def test_a_data_key_wrapped_by_an_older_master_key_unwraps_and_is_wrapped_anew() -> None:
    key, wrapped = a_ring("m1").new_data_key("d1", "w1")
    newer = a_ring("m2", "m1")

    again = newer.wrap(newer.unwrap("d1", wrapped, "w1"), "w1")

    assert again.kid == "m2"
    assert newer.unwrap("d1", again, "w1").key == key.key


def test_a_wrapped_key_of_another_workspace_does_not_unwrap() -> None:
    _, wrapped = a_ring("m1").new_data_key("d1", "w1")

    with pytest.raises(UndecryptableError):
        a_ring("m1").unwrap("d1", wrapped, "w2")


@pytest.mark.parametrize(
    "text",
    ["", "k1", "k1:short", "k1:!!!", ":AAAA", f"{PRIVATE_TEXT},{PRIVATE_TEXT}"],
    ids=["empty", "no key", "short", "no base64", "no id", "an id twice"],  # the key is another in each process
)
def test_a_wrong_key_ring_stops_the_start_and_names_the_setting(text: str) -> None:
    with pytest.raises(ConfigurationError, match="TIELINE_X") as caught:
        parse_key_ring(text, setting="TIELINE_X")

    assert PRIVATE_TEXT.partition(":")[2] not in str(caught.value)
