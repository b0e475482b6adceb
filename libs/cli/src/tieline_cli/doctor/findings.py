"""What an examination comes to."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "doubtful", "bad", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `remedy` says what to do about it; empty when there is nothing to do."""

    about: str
    verdict: Verdict
    told: str
    remedy: str = ""


def good(about: str, told: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(about=about, verdict="good", told=told)


def doubtful(about: str, told: str, remedy: str) -> Finding:
    """Return that something works, but should be otherwise."""
    return Finding(about=about, verdict="doubtful", told=told, remedy=remedy)


def bad(about: str, told: str, remedy: str) -> Finding:
    """Return that something does not work."""
    return Finding(about=about, verdict="bad", told=told, remedy=remedy)


def skipped(about: str, told: str) -> Finding:
    """Return that something could not be looked at, which is no fault."""
    return Finding(about=about, verdict="skipped", told=told)
