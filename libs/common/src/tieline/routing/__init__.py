"""The language of channel routes: `patterns` over event types, `content_filter` over an event's data.

The gateway refuses what is not valid before it is saved; the webhook router matches with it.
"""
