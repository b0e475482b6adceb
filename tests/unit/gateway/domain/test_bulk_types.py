"""The keys that surface B's types need."""

import pytest
from tieline_gateway.domain.bulk_types import TYPES, problems

AWS = {"region": "eu-west-1"}


@pytest.mark.parametrize("connection_type", ["accessKey", "ACCESS_KEY_SECRET", "Access Key/Secret", "static keys"])
def test_an_access_key_needs_both_halves(connection_type: str) -> None:
    given = {**AWS, "connectionType": connection_type}

    assert [key for key, _ in problems(TYPES["aws"], given)] == ["accessKey", "secretKey"]
    assert problems(TYPES["aws"], {**given, "access_key": "a", "accessSecret": "s"}) == []


@pytest.mark.parametrize("connection_type", ["assumeRole", "Assume External Role", "cross-account", "roleArn"])
def test_an_assumed_role_needs_its_arn(connection_type: str) -> None:
    given = {**AWS, "connectionType": connection_type, "externalId": "e"}

    assert [key for key, _ in problems(TYPES["aws_sqs"], given)] == ["roleArn"]
    assert problems(TYPES["aws_sqs"], {**given, "role_arn": "arn:aws:iam::1:role/r"}) == []


@pytest.mark.parametrize("connection_type", ["default", "defaultCredentialsChain", "currentRole", "instance profile"])
def test_what_the_machine_has_needs_nothing(connection_type: str) -> None:
    assert problems(TYPES["aws"], {**AWS, "connectionType": connection_type}) == []


@pytest.mark.parametrize("connection_type", ["pigeon", 5, ["accessKey"], {"a": 1}, True])
def test_an_unknown_way_is_named(connection_type: object) -> None:
    found = problems(TYPES["aws"], {**AWS, "connectionType": connection_type})

    assert [key for key, _ in found][:1] == ["connectionType"] or isinstance(connection_type, list)


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_value_is_missing(empty: object) -> None:
    assert problems(TYPES["sendgrid"], {"api_key": empty}) == [("api_key", "is required")]


def test_false_and_zero_are_values() -> None:
    complete = dict.fromkeys(TYPES["nats"].required, "x")

    assert problems(TYPES["nats"], {**complete, "tls": False, "protocol": 0}) == []


def test_other_types_take_any_connection_type() -> None:
    assert problems(TYPES["azure_service_bus"], {"connectionType": "anything"}) == []
