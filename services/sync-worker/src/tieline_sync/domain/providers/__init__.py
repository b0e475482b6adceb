"""Calls to providers, as values: what their answers mean, how a call proves itself, what may be shown."""
