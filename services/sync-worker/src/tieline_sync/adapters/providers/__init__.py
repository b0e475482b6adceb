"""Providers: their calls over checked HTTP, and what is known of how these go."""
