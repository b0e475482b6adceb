"""How a free-form service name is recognised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_gateway.domain.providers import LONGEST_SLUG, NAMES, recognise, slug


@pytest.mark.parametrize(
    ("service_name", "provider"),
    [
        ("ServiceNow", "servicenow"),
        ("SERVICE-NOW (production)", "servicenow"),
        ("Production ServiceNow", "servicenow"),
        ("GitHub", "github"),
        ("Git Hub Enterprise", "github"),
        ("git", "git"),
        ("Pager Duty", "pagerduty"),
        ("Azure OpenAI", "azure_openai"),
        ("Sentry and Jira", "sentry"),
        ("Acme CRM", None),
        ("servicenower", None),
        ("", None),
        ("日本", None),
    ],
)
def test_recognise(service_name: str, provider: str | None) -> None:
    assert recognise(service_name) == provider


@pytest.mark.parametrize("provider", NAMES)
def test_every_provider_is_recognised_by_its_name(provider: str) -> None:
    assert recognise(NAMES[provider]) == provider


@given(text=st.text())
def test_a_slug_is_never_empty_and_stays_itself(text: str) -> None:
    made = slug(text)

    assert 1 <= len(made) <= LONGEST_SLUG
    assert slug(made) == made
