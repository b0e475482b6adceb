"""What this replica is called: the same after a restart on the same disk, so that it can take up what it held."""

from pathlib import Path

from tieline.ids import new_id

FILE = "instance"


def instance_of(folder: Path) -> str:
    """Return the name kept in `folder`, made now if there is none. Whoever holds the folder's lock may ask."""
    path = folder / FILE
    try:
        name = path.read_text().strip()
    except FileNotFoundError:
        name = ""
    if not name:
        name = new_id()
        fresh = path.with_suffix(".new")
        fresh.write_text(name)
        fresh.replace(path)
    return name
