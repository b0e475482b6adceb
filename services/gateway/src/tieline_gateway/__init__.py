"""The gateway: serves the five published integration APIs, puts commands on Kafka and answers with their replies.

Rooms: `main > bootstrap > entrypoints | adapters | settings > handlers > domain`.
"""
