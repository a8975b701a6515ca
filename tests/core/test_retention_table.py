"""How long history is kept is asked strictly."""

import math

import pytest

from pangea.core.durations import Seconds
from pangea.core.retention_table import RetentionTable

DAY = 86400


def test_days_are_kept_for_ever_unless_somebody_says_how_long():
    assert RetentionTable().days_s == math.inf
    assert RetentionTable(days="5200d").days_s == 5200 * DAY


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"raw": Seconds(3600)}, "raw: wanted at least 3h"),
        ({"minutes": Seconds(60)}, "minutes: wanted at least 1h"),
        ({"raw": Seconds(91 * DAY)}, "ten_minutes: wanted at least as long as raw"),
        ({"hours": Seconds(89 * DAY)}, "hours: wanted at least as long as ten_minutes"),
        ({"days": "1y"}, "days: '1y' is neither a duration nor forever"),
        ({"days": "600d"}, "days: wanted at least as long as hours"),
    ],
)
def test_what_makes_no_sense_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        RetentionTable(**given)
