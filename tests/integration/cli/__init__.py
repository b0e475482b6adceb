"""The `tieline` command and the embedded servers."""
