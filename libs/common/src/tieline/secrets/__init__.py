"""Secret values: `sealing` encrypts them to the registry's public key, `envelope` encrypts them at rest."""
