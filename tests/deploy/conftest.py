"""The two overlays, rendered once."""

import pytest

from tests.deploy.rendered import Manifests, render


@pytest.fixture
def production() -> Manifests:
    """The overlay with external Kafka and MongoDB and every component but the Ingress."""
    return render("overlays/production")


@pytest.fixture
def local() -> Manifests:
    """The overlay with Kafka and MongoDB in the cluster."""
    return render("overlays/local")


@pytest.fixture(params=["overlays/production", "overlays/local"])
def manifests(request: pytest.FixtureRequest) -> Manifests:
    """Each overlay in turn."""
    return render(request.param)
