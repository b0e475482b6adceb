"""`python -m tieline_gateway`."""

from tieline_gateway.main import run

run()
