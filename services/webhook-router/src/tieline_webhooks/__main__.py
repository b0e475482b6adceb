"""`python -m tieline_webhooks`."""

import sys

from tieline_webhooks.main import run

run(sys.argv[1:])
