"""The `tieline` command: a local stack, a demo, and what operators do by hand."""
