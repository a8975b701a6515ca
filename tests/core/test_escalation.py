"""Escalations are written here as there, and come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.escalation import parse_escalations, write_escalations

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
STEPS = st.lists(
    st.tuples(st.integers(1, 86400).map(float), st.lists(NAMES, min_size=1)), max_size=5
)


@given(STEPS)
def test_what_is_written_is_read_again(steps):
    assert parse_escalations(write_escalations(steps)) == steps


@pytest.mark.parametrize(
    "text", ["15m=a,b 1h=c", "15m=a+b, 1h=c", "15m=a b,1h=c", "15m=a, b,1h=c,"]
)
def test_commas_plus_signs_and_blanks_part_channels_and_steps(text):
    assert parse_escalations(text) == [(900.0, ["a", "b"]), (3600.0, ["c"])]


@pytest.mark.parametrize("text", ["a", "15m", "15m=", "15m= 1h=b", "soon=a", "=a"])
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(UsageError):
        parse_escalations(text)
