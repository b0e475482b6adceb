"""How records are sent and taken in.

`records` is one record and its headers, `producer` sends them, `batches` takes them in for a consumer group, `tables`
reads a compacted topic into memory, `requests` sends a command and awaits its reply.
"""
