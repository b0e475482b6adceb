"""Token buckets by key."""

from tieline_gateway.domain.rates import MOST_KEYS, RateLimiter


def test_a_burst_then_the_rate() -> None:
    limiter = RateLimiter(per_second=2.0, burst=3)

    first = [limiter.take("k", now=0.0) for _ in range(4)]
    later = [limiter.take("k", now=0.5) for _ in range(2)]

    assert first == [None, None, None, 0.5]
    assert later == [None, 0.5]


def test_a_long_rest_fills_no_more_than_the_burst() -> None:
    limiter = RateLimiter(per_second=1000.0, burst=2)
    limiter.take("k", now=0.0)

    assert [limiter.take("k", now=3600.0) is None for _ in range(3)] == [True, True, False]


def test_keys_do_not_share() -> None:
    limiter = RateLimiter(per_second=1.0, burst=1)

    assert limiter.take("a", now=0.0) is None
    assert limiter.take("b", now=0.0) is None
    assert limiter.take("a", now=0.0) is not None


def test_memory_is_bounded_by_forgetting_the_longest_unseen() -> None:
    limiter = RateLimiter(per_second=0.001, burst=1)
    for number in range(MOST_KEYS):
        limiter.take(str(number), now=0.0)
    limiter.take("0", now=0.0)

    limiter.take("one more", now=0.0)

    assert limiter.take("0", now=0.0) is not None
    assert limiter.take("1", now=0.0) is None
