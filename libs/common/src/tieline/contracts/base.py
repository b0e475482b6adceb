"""What all contracts share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

JsonObject = dict[str, Any]
"""A JSON object as it came."""

WorkspaceId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""A workspace's id: a UUID in lower case."""


class Contract(BaseModel):
    """A frozen message. Fields added by newer writers are ignored, so readers can be upgraded after writers."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        hide_input_in_errors=True,  # an error is logged, and what it is about may be a secret
    )

    def to_json(self) -> bytes:
        """Return the value of a record."""
        return self.model_dump_json().encode()
