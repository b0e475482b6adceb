"""A local stack's own secrets: made at its first start, kept in its data folder for the next ones."""

from dataclasses import asdict, dataclass, field

from tieline.access import generate_key

from tieline_cli.keys import SystemKeys
from tieline_cli.stack.files import find_json, write_json
from tieline_cli.stack.layout import DataDir

_KEY_ID = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSecrets:
    """The keys of the services, and the API key of the demo workspace."""

    system: SystemKeys
    api_key: str = field(repr=False)

    @classmethod
    def of(cls, folder: DataDir) -> "StackSecrets":
        """Return the folder's secrets, made now when it has none."""
        stored = find_json(folder.secrets)
        if stored is not None:
            return cls(api_key=stored.pop("api_key"), system=SystemKeys(**stored))
        fresh = cls(system=SystemKeys.generate(_KEY_ID), api_key=generate_key())
        write_json(folder.secrets, {**asdict(fresh.system), "api_key": fresh.api_key})
        return fresh
