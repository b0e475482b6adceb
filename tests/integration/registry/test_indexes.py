"""`python -m … apply-indexes`: indexes as declared, changed when their retention is."""

import asyncio
import os
import sys
from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from pymongo import MongoClient
from tieline.settings import MongoSettings
from tieline_cli.processes.ports import free_port
from tieline_registry.adapters.collections import indexes
from tieline_registry.settings import RegistrySettings
from tieline_sync import bootstrap as sync
from tieline_webhooks.adapters import mongo as webhooks

from tests.support.registry_process import environment_of


async def apply_indexes(
    settings: RegistrySettings, module: str = "tieline_registry", **environment: str
) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "apply-indexes"),
        env={**os.environ, **(environment_of(settings) if module == "tieline_registry" else {}), **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, errors.decode()


async def test_indexes_are_applied_once_and_again_and_keep_what_the_settings_say(settings: RegistrySettings) -> None:
    first = await apply_indexes(settings)
    again = await apply_indexes(settings, TIELINE_REGISTRY__COMMANDS_KEPT="P8D")

    assert (first, again) == ((0, ""), (0, ""))
    declared = indexes(commands_kept=timedelta(days=8), audit_kept=settings.registry.audit_kept)
    with MongoClient[dict[str, Any]](settings.mongo.url.get_secret_value()) as client:
        for collection, models in declared.items():
            present = client[settings.mongo.database][collection].index_information()
            assert set(present) == {"_id_", *(model.document["name"] for model in models)}
        kept = client[settings.mongo.database]["commands"].index_information()["applied_at"]["expireAfterSeconds"]
    assert kept == 8 * 24 * 3600


async def test_a_job_that_can_not_reach_mongodb_fails_and_says_so(settings: RegistrySettings) -> None:
    away = MongoSettings(url=SecretStr(f"mongodb://127.0.0.1:{free_port()}"))

    code, errors = await apply_indexes(settings.model_copy(update={"mongo": away}), TIELINE_MONGO__TIMEOUT="1")

    assert code == 1
    assert "MongoDB" in errors
    assert "Traceback" not in errors


async def test_a_job_with_a_wrong_setting_fails_and_names_it(settings: RegistrySettings) -> None:
    code, errors = await apply_indexes(settings, TIELINE_REGISTRY__MAX_BATCH="0")

    assert code == 2
    assert "TIELINE_REGISTRY__MAX_BATCH" in errors


async def test_the_other_services_apply_theirs_as_their_start_does(settings: RegistrySettings) -> None:
    declared = {
        "tieline_sync": {name: len(models) for name, models in sync.INDEXES.items()},
        "tieline_webhooks": {name: len(models) for name, models in webhooks.INDEXES.items()},
    }

    given = {name: value for name, value in environment_of(settings).items() if name.startswith("TIELINE_MONGO__")}
    answers = [await apply_indexes(settings, module, **given) for module in declared]

    assert answers == [(0, ""), (0, "")]
    with MongoClient[dict[str, Any]](settings.mongo.url.get_secret_value()) as client:
        for counts in declared.values():
            for collection, count in counts.items():
                assert len(client[settings.mongo.database][collection].index_information()) == count + 1, collection
