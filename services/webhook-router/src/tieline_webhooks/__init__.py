"""The webhook router: verifies webhooks, matches their events to routes and delivers them to channels.

The way of a webhook: `entrypoints.intake` reads it, `handlers.receive` verifies, normalises and matches it, and
`adapters.event_log` appends it to Kafka (or to the local spool) before it is answered. `handlers.route_events` takes
the events in from Kafka, whoever emitted them, and records one delivery per matching route. `handlers.dispatch` sends
deliveries, destination by destination.
"""
