"""Load, decide, save: taking webhooks in, routing their events, delivering them, and what operators ask for."""
