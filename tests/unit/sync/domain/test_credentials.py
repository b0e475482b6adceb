"""Facts are found under any of their names, secrets before plain values."""

from tieline_sync.domain.credentials import Facts

from tests.support.registry_stub import an_integration


def test_first_path_with_a_value_wins() -> None:
    integration = an_integration("i1", config={"url": "", "base_url": " https://a.example "}, auth={"token": "plain"})
    facts = Facts(integration=integration, secrets={"auth.access_token": "s3cret"})

    assert facts.find("config.url", "config.base_url") == "https://a.example"
    assert facts.find("auth.access_token", "auth.token") == "s3cret"
    assert facts.find("config.nothing", "surface.x", "config.url.deeper") is None


def test_mask_is_no_value() -> None:
    facts = Facts(integration=an_integration("i1", config={"password": "********"}), secrets={})

    assert facts.find("config.password") is None


def test_lists_come_as_lists_or_separated_by_commas() -> None:
    integration = an_integration("i1", config={"projects": ["a", " b "], "teams": "x, y,"})
    facts = Facts(integration=integration, secrets={})

    assert facts.find_list("config.projects") == ["a", "b"]
    assert facts.find_list("config.teams") == ["x", "y"]
    assert facts.find_list("config.other") == []


def test_secrets_are_not_shown() -> None:
    facts = Facts(integration=an_integration("i1"), secrets={"config.password": "correct horse"})

    assert "correct horse" not in repr(facts)
