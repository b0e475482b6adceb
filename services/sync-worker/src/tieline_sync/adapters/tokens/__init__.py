"""Tokens: encrypted in MongoDB, had from token endpoints, written back to the registry."""
