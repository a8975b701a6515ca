"""What the driver says of a URL that is none holds no piece of its password."""

import pytest

from pangea.core.errors import ConfigError
from pangea.storage.postgres_session import Patience, defaults


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3%zzs3@h/n", "postgresql://u:s3%00s3@h/n",
        "postgresql://u:s3s3@[::1/n", "postgresql://u@h/n?password=s3%zzs3",
        "postgresql://u@h/n?password=s3=s3",
    ],
)  # fmt: skip
def test_a_url_that_is_not_understood_is_not_repeated(url):
    with pytest.raises(ConfigError, match=r"not understood: .") as refused:
        defaults(url, "writer", Patience())
    error = refused.value
    assert "s3" not in f"{error} {error.hint} {error.__cause__}"
    assert error.__suppress_context__


def test_what_the_url_says_itself_is_left_to_it():
    said = defaults("postgresql://u@h/n?connect_timeout=9", "reader", Patience())
    assert "connect_timeout" not in said
    assert said["application_name"] == "pangea reader"
