"""Towards Kafka, the disk, MongoDB, the registry and the channels."""
