"""What the doctor looks for is what the services make."""

from datetime import timedelta

from tieline_cli.doctor import mongo
from tieline_registry.adapters.collections import indexes
from tieline_sync.adapters.mongo.database import INDEXES as SYNC_INDEXES
from tieline_webhooks.adapters.mongo import INDEXES as WEBHOOK_INDEXES


def test_the_doctor_counts_the_indexes_that_services_declare() -> None:
    declared = {
        "registry": indexes(commands_kept=timedelta(days=7), audit_kept=timedelta(days=400)),
        "sync-worker": SYNC_INDEXES,
        "webhook-router": WEBHOOK_INDEXES,
    }

    counted = {
        service: {name: len(models) for name, models in collections.items()}
        for service, collections in declared.items()
    }

    assert counted == {service: dict(collections) for service, collections in mongo.INDEXES.items()}
