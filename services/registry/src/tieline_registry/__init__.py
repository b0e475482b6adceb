"""The registry: the one owner of workspaces, API keys, integrations and channel routes.

Commands come from Kafka and are answered there; reads, and opened credentials, go over an internal HTTP interface.
`entrypoints` take both in, `handlers` load, decide and save, `domain` decides, `adapters` are MongoDB.
"""
