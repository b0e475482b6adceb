"""MongoDB, Kafka, the registry and the providers, as the handlers' ports want them."""
