"""Kinds that come by Standard Webhooks are the sending service's; these two show the rule."""

from tieline_webhooks.domain.senders.catalogue.kind import EventKind

KINDS = (
    EventKind(
        type="invoice.paid",
        when="the body's type is a dotted name: it is the event's type",
        example={
            "type": "invoice.paid",
            "timestamp": "2026-03-21T14:05:00Z",
            "data": {
                "id": "inv_77",
                "title": "Invoice 77 was paid",
                "project": "billing",
                "url": "https://billing.example.com/invoices/77",
            },
        },
        headers={"webhook-id": "msg_example"},
    ),
    EventKind(
        type="standard-webhooks.unknown",
        when="the body names no type, or one that is no dotted name",
        example={"hello": "world"},
        headers={"webhook-id": "msg_example_2"},
    ),
)
