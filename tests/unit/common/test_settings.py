"""Settings: wrong ones stop the start with the whole list and repeat no secret."""

import pytest
from tieline.errors import ConfigurationError
from tieline.settings import ServiceSettings, load


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIELINE_HTTP__PORT", "99999999")
    monkeypatch.setenv("TIELINE_KAFKA__SECURITY_PROTOCOL", "CARRIER_PIGEON")

    with pytest.raises(ConfigurationError) as caught:
        load(ServiceSettings)

    assert "TIELINE_HTTP__PORT" in str(caught.value)
    assert "TIELINE_KAFKA__SECURITY_PROTOCOL" in str(caught.value)
    assert "99999999" not in str(caught.value)


def test_an_unknown_name_in_a_block_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIELINE_KAFKA__BOOTSTRAP_SERVER", "localhost:9092")

    with pytest.raises(ConfigurationError, match="BOOTSTRAP_SERVER"):
        load(ServiceSettings)


def test_one_value_of_a_block_leaves_its_other_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIELINE_KAFKA__TOPIC_PREFIX", "p.")

    settings = load(ServiceSettings)

    assert settings.kafka.topic_prefix == "p."
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9092"


@pytest.mark.parametrize(("text", "seconds"), [("15", 15), ("0.5", 0.5), ("PT2M", 120)])
def test_a_length_of_time_is_seconds_or_iso(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv("TIELINE_HTTP__DRAIN", text)

    assert load(ServiceSettings).http.drain.total_seconds() == seconds
