"""A local stack's own secrets: made at its first start, kept in its data folder for the next ones."""

from dataclasses import asdict, dataclass, field, replace

from tieline_cli.keys import SystemKeys
from tieline_cli.stack.files import find_json, write_json
from tieline_cli.stack.layout import DataDir

_KEY_ID = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSecrets:
    """The keys of the services, and the API key of the demo workspace once it was made."""

    system: SystemKeys
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, folder: DataDir) -> "StackSecrets":
        """Return the folder's secrets, made now when it has none."""
        stored = find_json(folder.secrets) or {}
        fresh = {**asdict(SystemKeys.generate(_KEY_ID)), "api_key": generate_key()}
        whole = {name: stored.get(name, value) for name, value in fresh.items()}
        if whole != stored:  # a new folder, or one made before there was a further secret
            write_json(folder.secrets, whole)
        return cls(api_key=whole.pop("api_key"), system=SystemKeys(**whole))
