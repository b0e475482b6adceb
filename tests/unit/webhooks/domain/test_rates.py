"""How fast a destination is sent to, and when it is left alone."""

from hypothesis import given
from hypothesis import strategies as st
from tieline_webhooks.domain.rates import (
    ACCOUNT_RATES,
    CHANNEL_RATES,
    FAILURES_TO_OPEN,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Breaker,
    Rate,
    TokenBucket,
    channel_rate,
)


@given(
    rate=st.builds(Rate, st.floats(0.1, 100), st.integers(1, 20)),
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_no_window_sees_more_than_burst_and_rate_allow(rate: Rate, gaps: list[float]) -> None:
    now, sent, bucket = 0.0, [], TokenBucket(rate, 0.0)
    for gap in gaps:
        now += gap
        now += bucket.wait(now) + 1e-9
        bucket.take(now)
        sent.append(now)

    for index, start in enumerate(sent):
        for later, end in enumerate(sent[index:], start=1):
            assert later <= rate.burst + (end - start) * rate.per_second + 1e-6


def test_a_full_bucket_lets_its_burst_through_at_once() -> None:
    bucket = TokenBucket(CHANNEL_RATES["discord"], 0.0)

    for _ in range(5):
        assert bucket.wait(0.0) == 0.0
        bucket.take(0.0)

    assert bucket.wait(0.0) == 1.0
    assert bucket.full_at(5.0)


def sent_in(seconds: float, rate: Rate) -> int:
    """Return how many messages a bucket lets through from the start, sending whenever it may."""
    bucket, now, sent = TokenBucket(rate, 0.0), 0.0, 0
    while (now := now + bucket.wait(now) + 1e-9) < seconds:
        bucket.take(now)
        sent += 1
    return sent


def test_the_platforms_published_limits_are_kept() -> None:
    assert sent_in(60, channel_rate("slack", "C0ALERTS")) == 60  # one per second
    assert sent_in(60, channel_rate("telegram", "71034512")) == 60  # one per second to a person
    assert 18 < sent_in(60, channel_rate("telegram", "-100200300")) <= 20  # 20 per minute to a group
    assert 18 < sent_in(60, channel_rate("telegram", "@acme_alerts")) <= 20
    assert sent_in(3600, channel_rate("whatsapp", "+4915112345678")) <= 600 + 5  # 600 per hour, with a burst


def test_every_channel_has_its_rates() -> None:
    assert CHANNEL_RATES.keys() == ACCOUNT_RATES.keys() == {"slack", "discord", "telegram", "whatsapp", "webhook"}


def test_a_breaker_opens_after_failures_in_a_row_and_waits_longer_each_time() -> None:
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed(now)
    assert breaker.wait(now) == 0.0

    for _ in range(8):
        breaker.failed(now)
        pauses.append(breaker.wait(now))
        now += pauses[-1]

    assert pauses[:3] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert pauses[-1] == LONGEST_PAUSE


def test_one_success_closes_it() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(0.0)

    breaker.succeeded()

    assert breaker.wait(0.0) == 0.0
    assert breaker.idle
