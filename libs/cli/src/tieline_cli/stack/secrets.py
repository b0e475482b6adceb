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
        # A folder made before there was a further secret gets that one now.
        keys = {**asdict(SystemKeys.generate(_KEY_ID)), **stored}
        secrets = cls(api_key=keys.pop("api_key", None), system=SystemKeys(**keys))
        _save(secrets, folder)
        return secrets

    def with_api_key(self, api_key: str, folder: DataDir) -> "StackSecrets":
        """Return these secrets with another API key, kept in the folder from now on."""
        changed = replace(self, api_key=api_key)
        _save(changed, folder)
        return changed


def _save(secrets: StackSecrets, folder: DataDir) -> None:
    write_json(folder.secrets, {**asdict(secrets.system), "api_key": secrets.api_key})
