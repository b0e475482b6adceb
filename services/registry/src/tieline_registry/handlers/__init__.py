"""Load, decide, save, publish: one handler per thing that happens to the registry."""
