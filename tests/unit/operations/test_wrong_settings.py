"""A service that is started wrongly says everything that is wrong, at once, and ends with 2."""

import os
import subprocess
import sys

import pytest

_WRONG = {
    "TIELINE_HTTP__PORT": "70000",
    "TIELINE_KAFKA__SECURITY_PROTOCOL": "CARRIER_PIGEON",
    "TIELINE_KAFKA__BOOTSTRAP": "localhost:9092",
    "OTEL_TRACES_EXPORTER": "zipkin",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
}
_RIGHT = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
_MISSED = {
    "tieline_gateway": {"TIELINE_INTERNAL__TOKEN", "TIELINE_SECRETS__SEALING_PUBLIC_KEY"},
    "tieline_registry": {
        "TIELINE_INTERNAL__TOKEN",
        "TIELINE_SECRETS__MASTER_KEYS",
        "TIELINE_SECRETS__SEALING_PRIVATE_KEYS",
    },
    "tieline_sync": {"TIELINE_INTERNAL__TOKEN"},
    "tieline_webhooks": {"TIELINE_INTERNAL__TOKEN"},
}


@pytest.mark.parametrize(("module", "missed"), _MISSED.items())
def test_every_wrong_unknown_and_missing_setting_is_named_in_one_list(module: str, missed: set[str]) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIELINE_")}

    ended = subprocess.run(
        [sys.executable, "-m", module], env={**clean, **_WRONG}, capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.returncode == 2
    assert ended.stdout == ""
    named = {word.rstrip(":") for word in ended.stderr.split() if word.startswith(("TIELINE_", "OTEL_"))}
    assert named >= {*_WRONG, *missed} - _RIGHT
    assert "70000" not in ended.stderr
    assert "Traceback" not in ended.stderr
