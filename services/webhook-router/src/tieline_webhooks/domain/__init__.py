"""What the webhook router decides, as values and functions: no clock, store, logger or framework.

`patterns` is the language of `eventType`, `route_index` finds a workspace's routes for an event, `routes` says why a
route takes an event or not, `content_filter` looks into the event's data.
"""
