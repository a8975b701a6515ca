import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.model import Outcome
from pangea.probes.http_json import (
    MAX_DOCUMENT,
    find,
    parse_expression,
    read_document,
)

DOCUMENT = {
    "status": "ok",
    "count": 3,
    "ratio": 0.5,
    "up": True,
    "nothing": None,
    "list": [{"name": "a b", "free": 10}, "two", 3],
    "a-b": {"c d": 'quo"te'},
    "empty": [],
}


def complaint(text):
    return parse_expression(text, "json").complaint(DOCUMENT)


@pytest.mark.parametrize(
    "text",
    [
        '$.status == "ok"',
        "$.status == 'ok'",
        '$.status=="ok"',
        '$["status"] != "bad"',
        "$.count == 3.0",
        "$.count >= 3",
        "$.count < 4",
        "$.ratio <= 0.5",
        '$.status > "ab"',
        "$.up == true",
        "$.up != 1",
        "$.count != true",
        "$.nothing == null",
        "$.list[0].free > 9",
        "$.list[-1] == 3",
        '$.list[0]["name"] contains "a"',
        '$.list contains "two"',
        "$.list contains 3",
        "$.list not contains true",
        '$.a-b contains "c d"',
        '$.a-b["c d"] == "quo\\"te"',
        "$.list len == 3",
        "$.status len > 1",
        "$.list not len > 3",
        "$ len == 8",
        "$.empty == []",
        "$.list exists",
        "$.nothing exists",
        "$.list[3] not exists",
        "$.status.more not exists",
        "$.list.name not exists",
        "$.status not == 'bad'",
    ],
)
def test_what_is_true_has_no_complaint(text):
    assert complaint(text) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('$.status == "bad"', '$.status is "ok", wanted == "bad"'),
        ('$.status != "ok"', '$.status is "ok", wanted != "ok"'),
        ("$.count == true", "$.count is 3, wanted == true"),
        ('$.count < "4"', '$.count is 3, wanted < "4"'),
        ("$.up > 0", "$.up is true, wanted > 0"),
        ("$.gone == 1", "$.gone is missing, wanted == 1"),
        ("$.gone != 1", "$.gone is missing, wanted != 1"),
        ("$.gone exists", "$.gone is missing"),
        ("$.nothing not exists", "$.nothing is there: null"),
        ("$.list len > 3", "$.list has the length 3, wanted len > 3"),
        ("$.count len > 3", "$.count is 3, which has no length"),
        ('$.list contains "three"', '$.list is a list of 3, wanted contains "three"'),
        ('$.a-b == "x"', '$.a-b is an object of 1, wanted == "x"'),
        ('$.count contains "3"', '$.count is 3, wanted contains "3"'),
        ("$.status not contains 'o'", '$.status is "ok", wanted not contains "o"'),
    ],
)
def test_a_complaint_says_got_and_wanted(text, says):
    assert complaint(text) == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("status == 1", "at character 1: wanted a path"),
        ("", "at character 1: wanted a path"),
        ("$.a", "at character 4: the end is not an operator"),
        ("$.a = 1", "at character 5: '=' is not an operator"),
        ("$.a =~ 1", "at character 5: '=~' is not an operator"),
        ("$.a is 1", "at character 5: 'is' is not an operator"),
        ("$.a == ok", "at character 8: 'ok' is not a value"),
        ("$.a ==", "at character 7: the end is not a value"),
        ('$.a == "ok', "is not a value"),
        ("$.a == 1 2", "is not a value"),
        ("$.a exists 1", "at character 12: nothing may follow exists"),
        ("$.a len exists", "len wants a comparison"),
        ('$.a len > "1"', "a length is compared with a number"),
        ("$.a < true", "< wants a number or a text"),
        ("$.a >= [1]", ">= wants a number or a text"),
        ("$..a == 1", "at character 2: the path cannot be read"),
        ("$.a[x] == 1", "at character 4: the path cannot be read"),
        ("$.a[99999999] == 1", "the path cannot be read"),
        ("$a == 1", "the path cannot be read"),
        ("$" + ".a" * 33 + " exists", "more than 32 steps"),
        ("$.a == " + "1" * 1000, "longer than 1000 characters"),
    ],
)
def test_what_cannot_be_read_is_said_precisely(text, says):
    with pytest.raises(UsageError) as error:
        parse_expression(text, "http option: json")
    assert says in str(error.value)
    assert str(error.value).startswith("http option: json: ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b"\xff\xfe",
        b'"\xff"',
        b'"\\ud800"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 100_000 + b"x",
    ],
    ids=lambda body: repr(body[:9]),
)
def test_what_is_no_json_is_a_clear_failure(body):
    with pytest.raises(ProbeFailed, match="is not JSON") as failure:
        read_document(body)
    assert failure.value.reason == "body"


def test_a_huge_document_is_not_read():
    with pytest.raises(ProbeFailed) as failure:
        read_document(b" " * (MAX_DOCUMENT + 1))
    assert failure.value.reason == "too_large"


def test_a_byte_order_mark_is_no_harm():
    assert read_document(b"\xef\xbb\xbf[1]") == [1]


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(DOCUMENTS, st.lists(st.text(max_size=3) | st.integers(-3, 3), max_size=3))
def test_any_document_is_what_it_is_at_any_path(document, steps):
    path = "$" + "".join(f"[{json.dumps(step)}]" for step in steps)
    known = read_document(msgspec.json.encode(document))
    exists = parse_expression(f"{path} exists", "").complaint(known) == ""
    value = find(known, tuple(steps))
    if exists:
        literal = msgspec.json.encode(value).decode()
        same = parse_expression(f"{path} == {literal}", "")
        assert same.complaint(known) == ""
        assert same._replace(negated=True).complaint(known) != ""
    else:
        assert parse_expression(f"{path} == 1", "").complaint(known).endswith("== 1")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    for begin in ("", "$", "$.a ", "$.a == "):
        try:
            parse_expression(begin + text, "json").complaint(DOCUMENT)
        except UsageError as error:
            assert "at character" in str(error)  # noqa: PT017


async def test_a_probe_asks_for_it(serve, ask):
    body = json.dumps(DOCUMENT).encode()
    port = await serve(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    good = ['$.status == "ok"', "$.list len >= 3"]
    result = await ask("http", f"http://127.0.0.1:{port}", json=good)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    # As the command line gives them: in one text, cut at the commas.
    bad = "$.up == true, $.list == [1, 2]"
    result = await ask("http", f"http://127.0.0.1:{port}", json=bad)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "body")
    assert result.detail == "$.list is a list of 3, wanted == a list of 2"
