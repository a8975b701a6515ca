"""Strict reading: every fault names its key and the way out."""

from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.durations import Seconds
from pangea.core.errors import UsageError
from pangea.core.options import (
    MASK,
    SecretText,
    build,
    faults,
    masked,
    nearest,
    secret_names,
)


class Inner(msgspec.Struct, frozen=True):
    count: int = 1
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.count > 9:
            raise ValueError("count: more than 9")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    need: str
    wait: Seconds = Seconds(5)
    follow: bool = False
    codes: list[int] | None = None
    mode: Literal["fast", "safe"] = "fast"
    modes: tuple[Literal["fast", "safe"], ...] = ()
    inner: Inner = Inner()
    waits: dict[str, Seconds] = {}
    from_: str = msgspec.field(name="from", default="")


def fault(values) -> UsageError:
    with pytest.raises(UsageError) as caught:
        build(Shape, {"need": "x", **values}, "thing")
    return caught.value


def test_text_becomes_what_the_field_wants():
    built = build(
        Shape,
        {
            "need": "x",
            "wait": "1m",
            "follow": "true",
            "codes": "200, 204,",
            "modes": "fast,safe",
            "inner": {"count": "3", "words": "a,b"},
            "waits": {"http": "5s", "dns": 7},
            "from": "here",
        },
        "thing",
    )
    assert built == Shape(
        need="x",
        wait=Seconds(60),
        follow=True,
        codes=[200, 204],
        modes=("fast", "safe"),
        inner=Inner(3, ("a", "b")),
        waits={"http": Seconds(5), "dns": Seconds(7)},
        from_="here",
    )
    assert isinstance(built.wait, Seconds)
    assert isinstance(built.waits["http"], Seconds)


@pytest.mark.parametrize(
    ("values", "said", "hint"),
    [
        ({"folow": "x"}, "thing: unknown 'folow'", "did you mean 'follow'?"),
        ({"from_": "x"}, "thing: unknown 'from_'", "did you mean 'from'?"),
        ({"wait": "soon"}, "thing: wait: 'soon' is not a duration", ""),
        ({"wait": True}, "thing: wait: wanted a duration such as 30s, got True", ""),
        ({"codes": "a"}, "thing: codes[0]: wanted a whole number, got text", ""),
        ({"follow": "perhaps"}, "thing: follow: wanted true or false", ""),
        ({"mode": "fats"}, "thing: mode: unknown 'fats'", "did you mean 'fast'?"),
        ({"modes": ["x"]}, "thing: modes: unknown 'x'", "known are: fast, safe"),
        ({"inner": 3}, "thing: inner: wanted a table, got a whole number", ""),
        ({"inner": {"cuont": 1}}, "thing: inner: unknown 'cuont'", "did you mean 'cou"),
        ({"inner": {"count": "x"}}, "thing: inner: count: wanted a whole number", ""),
        ({"inner": {"count": 10}}, "thing: inner: count: more than 9", ""),
        ({"waits": {"a": []}}, "thing: waits: wanted a duration", ""),
        ({"\x1b[2J": 1}, "thing: unknown '\\\\x1b[2J'", "known are"),
    ],
)
def test_a_fault_names_the_key_and_the_way_out(values, said, hint):
    error = fault(values)
    assert str(error).startswith(said)
    assert error.hint.startswith(hint)


def test_what_must_be_given_is_named():
    with pytest.raises(UsageError, match="thing: missing need"):
        build(Shape, {}, "thing")


def test_all_faults_are_told_in_the_order_written():
    values = {"need": "x", "b": 1, "wait": [], "inner": {"c": 1, "count": "x"}}
    said = [str(one) for one in faults(Shape, values, "t")]
    assert [text.split(":")[1].strip() for text in said] == [
        "unknown 'b'",
        "wait",
        "inner",
        "inner",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*Shape.__annotations__, "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*Shape.__annotations__, "from", "x"]), JSON))
def test_values_are_built_or_their_faults_are_told_never_anything_else(values):
    found = list(faults(Shape, values, "t"))
    if found:
        with pytest.raises(UsageError):
            build(Shape, values, "t")
    else:
        assert isinstance(build(Shape, values, "t"), Shape)


def test_nearest_tells_all_where_none_is_near():
    assert nearest("zzz", ["b", "a"]) == "known are: a, b"
    assert nearest("zzz", []) == "there are none"


class Login(msgspec.Struct):
    user: str = ""
    password: SecretText = ""
    key: SecretText | None = None
    token: Annotated[SecretText, msgspec.Meta(max_length=40)] = ""
    size: Annotated[int, msgspec.Meta(ge=0)] = 0


def test_a_secret_with_bounds_of_its_own_stays_a_secret():
    assert secret_names(Login) == {"password", "key", "token"}
    values = {"user": "a", "token": "t", "key": ""}
    assert masked(Login, values) == {"user": "a", "token": MASK, "key": ""}
