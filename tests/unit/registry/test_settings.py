"""A registry that is started wrongly says what to change."""

import pytest
from pydantic import SecretStr
from tieline.errors import ConfigurationError
from tieline.settings import InternalSettings
from tieline_registry.bootstrap import create_app
from tieline_registry.settings import RegistrySettings, SecretsSettings

KEY = "k:" + "A" * 43
TOKEN = InternalSettings(token=SecretStr("t" * 16))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (RegistrySettings(internal=InternalSettings(token=SecretStr("short"))), "TIELINE_INTERNAL__TOKEN"),
        (RegistrySettings(internal=TOKEN), "TIELINE_SECRETS__MASTER_KEYS"),
        (
            RegistrySettings(internal=TOKEN, secrets=SecretsSettings(master_keys=SecretStr(KEY))),
            "TIELINE_SECRETS__SEALING_PRIVATE_KEYS",
        ),
    ],
)
def test_what_is_missing_is_named(settings: RegistrySettings, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        create_app(settings)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIELINE_SECRETS__MASTER_KEYS", KEY)
    monkeypatch.setenv("TIELINE_REGISTRY__MOST_ROUTES", "7")

    settings = RegistrySettings()

    assert settings.secrets.master_keys.get_secret_value() == KEY
    assert (settings.registry.most_routes, settings.http.port) == (7, 8402)
    assert KEY not in repr(settings)
