"""`python -m tieline_sync`."""

from tieline_sync.main import run

run()
