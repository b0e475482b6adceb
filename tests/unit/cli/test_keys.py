"""Generated keys fit where they are meant to go."""

from datetime import date

from tieline.secrets.envelope import MasterKeys
from tieline.secrets.sealing import Opener, Sealer
from tieline_cli.keys import SystemKeys, key_id


def test_what_is_sealed_to_the_public_key_opens_with_the_private_one() -> None:
    keys = SystemKeys.generate("k1")
    place = {"workspace_id": "w", "command_id": "c", "path": "auth.access_token"}

    sealed = Sealer(keys.sealing_public_key).seal("secret", **place)

    assert Opener(keys.sealing_private_keys).open(sealed, **place) == "secret"


def test_master_keys_wrap_under_their_id() -> None:
    keys = SystemKeys.generate("k1")

    assert MasterKeys(keys.master_keys).active == "k1"


def test_a_key_ring_takes_a_newer_key_in_front() -> None:
    old, new = SystemKeys.generate("k1"), SystemKeys.generate("k2")

    assert MasterKeys(f"{new.master_keys},{old.master_keys}").active == "k2"


def test_ids_name_the_day() -> None:
    assert key_id(date(2026, 3, 21)) == "k20260321"
