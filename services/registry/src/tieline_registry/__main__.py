"""`python -m tieline_registry`."""

import sys

from tieline_registry.main import run

run(sys.argv[1:])
