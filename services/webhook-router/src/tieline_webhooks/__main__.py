"""`python -m tieline_webhooks`."""

from tieline_webhooks.main import run

run()
