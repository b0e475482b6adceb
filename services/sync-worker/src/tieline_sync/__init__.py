"""The sync worker: pulls records from providers in resumable runs, keeps them as versions, publishes progress.

Rooms: `main > bootstrap > entrypoints | adapters | settings > handlers > ports > domain`.
"""
