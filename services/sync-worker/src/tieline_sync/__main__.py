"""`python -m tieline_sync`."""

import sys

from tieline_sync.main import run

run(sys.argv[1:])
