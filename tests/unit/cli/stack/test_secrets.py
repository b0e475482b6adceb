"""A stack's secrets are made once."""

import stat
from pathlib import Path

from tieline_cli.stack.layout import DataDir
from tieline_cli.stack.secrets import StackSecrets


def test_a_second_start_has_the_same_secrets(tmp_path: Path) -> None:
    folder = DataDir(root=tmp_path)

    first = StackSecrets.of(folder).with_api_key("tl_first", folder)
    second = StackSecrets.of(folder)

    assert first == second
    assert second.api_key == "tl_first"
    assert stat.S_IMODE(folder.secrets.stat().st_mode) == 0o600


def test_two_folders_share_no_secret(tmp_path: Path) -> None:
    stacks = [DataDir(root=tmp_path / name) for name in ("one", "two")]
    for stack in stacks:
        stack.create()

    one, two = map(StackSecrets.of, stacks)

    assert not set(one.system.as_environment().values()) & set(two.system.as_environment().values())


def test_secrets_do_not_show_themselves(tmp_path: Path) -> None:
    secrets = StackSecrets.of(DataDir(root=tmp_path)).with_api_key("tl_first", DataDir(root=tmp_path))

    shown = repr(secrets)

    assert "tl_first" not in shown
    assert secrets.system.master_keys not in shown
