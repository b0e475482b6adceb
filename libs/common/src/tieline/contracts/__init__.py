"""The shapes on the wire, one module per topic family. Values are JSON; unknown fields are ignored by readers."""
