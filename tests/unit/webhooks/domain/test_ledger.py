"""The books balance whatever is booked."""

from hypothesis import given
from hypothesis import strategies as st
from tieline_webhooks.domain.deliveries import State
from tieline_webhooks.domain.ledger import NO_ROUTE, SUPERSEDED, Balance, Booking

STATES = st.sampled_from(list(State))


@given(
    received=st.lists(st.lists(STATES, max_size=4), max_size=8),
    suppressed=st.integers(0, 4),
    moves=st.lists(st.tuples(STATES, STATES), max_size=20),
)
def test_every_booking_keeps_the_sum_at_zero(
    received: list[list[State]], suppressed: int, moves: list[tuple[State, State]]
) -> None:
    booking = Booking()
    for states in received:
        booking.received("w1", states)
    for _ in range(suppressed):
        booking.suppressed("w1", NO_ROUTE)
    for before, after in moves:
        booking.moved("w1", before, after)

    amounts = booking.amounts().get("w1", {})
    taken_in = amounts.pop("received", 0)

    assert taken_in == sum(map(len, received)) + suppressed
    assert sum(amounts.values()) == taken_in
    assert 0 not in amounts.values()


def test_workspaces_have_books_of_their_own() -> None:
    booking = Booking()
    booking.received("w1", [State.PENDING])
    booking.suppressed("w2", SUPERSEDED)

    assert booking.amounts() == {
        "w1": {"received": 1, "pending": 1},
        "w2": {"received": 1, "suppressed.superseded": 1},
    }


def test_a_balance_says_when_something_is_missing() -> None:
    good = Balance(received=6, delivered=1, pending=1, parked=1, dead=1, suppressed={"no_route": 1, "duplicate": 1})

    assert good.balanced
    assert not Balance(received=2, delivered=1).balanced
