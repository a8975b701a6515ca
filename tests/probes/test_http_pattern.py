import asyncio
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.probes.http_pattern import MOST_S, BodyPattern

FILL = b"<p>some words of a page</p>\n" * 20_000


@pytest.mark.parametrize(
    ("text", "body", "found"),
    [
        ("needle", FILL + b"needle" + FILL, True),
        ("needle", FILL, False),
        (r"v\d+\.\d+", FILL + b"v12.7", True),
        (r"^<p>", FILL, True),
        (r"^some", FILL, False),
        (r"page</p>\n$", FILL, True),
        (r"page$", b"page" * 9000 + b"!", False),
        (r"\bpage\b", b"xpage" * 9000, False),
        (r"words(?! of)", FILL, False),
        (r"words(?! of)", FILL + b"words in" + FILL, True),
        ("a.*z", FILL + b"a" + b"-" * 1500 + b"z" + FILL, True),
        ("", b"", True),
        ("x", b"", False),
    ],
)
async def test_a_pattern_is_found_wherever_it_is(text, body, found):
    assert (await BodyPattern(text, "body_regex").search(body))[0] is found


@settings(max_examples=200)
@given(
    st.sampled_from(
        ["ab", "^a", "b$", r"\bb", "a(?!b)", "a{2}b", "[ab]c", "a+b", "c?a$"]
    ),
    st.text("abc \n", max_size=3),
    st.integers(4088, 4097),
    st.text("abc \n", max_size=12),
    st.sampled_from([0, 1, 4000]),
)
def test_it_says_what_one_search_of_the_whole_would_say(
    text, begin, size, middle, rest
):
    body = (begin + "." * size + middle + "." * rest).encode()
    wanted = re.search(text.encode(), body) is not None
    found, _ = asyncio.run(BodyPattern(text, "body_regex").search(body))
    assert found is wanted


async def test_the_dearest_pattern_ends_soon_and_says_how_far_it_came():
    pattern, body = BodyPattern("a*a*b", "body_regex"), b"a" * 4_000_000
    begun = time.perf_counter()
    found, searched = await pattern.search(body)
    assert time.perf_counter() - begun < 10 * MOST_S
    assert (found, 0 < searched < len(body)) == (False, True)
