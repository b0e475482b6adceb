"""The page of events says what the senders do."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def test_the_page_is_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, "scripts/gen_event_table.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stderr
