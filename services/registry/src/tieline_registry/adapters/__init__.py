"""MongoDB: the one place that knows its driver, documents and indexes."""
