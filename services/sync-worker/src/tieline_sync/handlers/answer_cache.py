"""Answers of providers for a few seconds, bounded in number and size."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from tieline.provider_client import ProviderAnswer

MOST_ANSWERS = 4096
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: of which workspace, with which integration as it was then, and what exactly."""

    workspace_id: str
    integration_id: str
    revision: int
    operation: str


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: ProviderAnswer
    until: datetime
    size: int


class AnswerCache:
    """The latest answers. Not for more than one thread."""

    def __init__(self, keep: timedelta) -> None:
        self._keep = keep
        self._answers: OrderedDict[Asked, _Kept] = OrderedDict()
        self._size = 0

    def find(self, asked: Asked, now: datetime) -> ProviderAnswer | None:
        """Return an answer that is not too old, saying how long it may still be kept."""
        kept = self._answers.get(asked)
        if kept is None or now >= kept.until:
            return None
        return kept.answer.model_copy(update={"max_age": int((kept.until - now).total_seconds())})

    def put(self, asked: Asked, answer: ProviderAnswer, now: datetime) -> ProviderAnswer:
        """Keep an answer and return it, saying how long it may be kept."""
        self._drop(asked)
        size = len(answer.to_json())
        self._answers[asked] = _Kept(answer, now + self._keep, size)
        self._size += size
        while len(self._answers) > MOST_ANSWERS or (self._size > MOST_BYTES and len(self._answers) > 1):
            self._drop(next(iter(self._answers)))
        return answer.model_copy(update={"max_age": int(self._keep.total_seconds())})

    def forget(self, integration_id: str) -> None:
        """Drop all answers that an integration's provider gave."""
        for asked in [one for one in self._answers if one.integration_id == integration_id]:
            self._drop(asked)

    def _drop(self, asked: Asked) -> None:
        kept = self._answers.pop(asked, None)
        if kept is not None:
            self._size -= kept.size
