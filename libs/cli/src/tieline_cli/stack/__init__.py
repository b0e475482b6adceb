"""The local stack: where its files and ports are, starting it, watching it, stopping it."""
