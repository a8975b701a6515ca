"""The words as HTML: the same facts, nothing that a target said is obeyed."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.alert_html import mail_html
from pangea.core.alert_words import Around, say
from tests.core.test_alert_words import AROUND, DOWN, NOTICE


class Read(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.said = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        assert all(name in ("style", "href", "scope", "role", "charset", "lang")
                   for name, _ in attrs)  # fmt: skip

    def handle_data(self, data):
        self.said.append(data)


def made(them, around=AROUND, **more):
    said = say(them, around)
    return mail_html(said.subject, said.text, said.data, **more)


def test_it_has_the_facts_the_votes_the_chart_and_the_links():
    text = made([DOWN], chart=["▁▂ <b>"], ack_url="https://pangea.example/ack/x")
    page = Read(text)
    said = " ".join(page.said)
    wanted = ("paris", "failed, refused", "oslo", "ok, 12 ms", "Difference")
    for words in (*wanted, "only paris is cut", "▁▂ <b>", "Next", "Told by the rule"):
        assert words in said, words
    assert page.links == [
        "https://pangea.example/ack/x",
        "https://pangea.example/incidents/abcdefghij",
        "https://pangea.example/jobs/web",
    ]


def test_a_list_has_a_row_for_each():
    them = [replace(DOWN, id=f"n{n}") for n in range(60)]
    text = made(them)
    assert text.count("<tr>") == 50
    assert "… and 10 more" in text


@given(st.text(alphabet="<>&\"'/ abscript=:\n", max_size=40))
def test_what_a_target_says_is_text(hostile):
    facts = {"why": hostile, "votes": f"{hostile}: {hostile}", hostile or "x": hostile}
    notice = replace(NOTICE, title=hostile, reason=hostile, facts=facts)
    around = Around(now_us=AROUND.now_us)
    page = Read(made([replace(DOWN, notice=notice)], around, chart=[hostile]))
    known = {"html", "head", "meta", "title", "body", "h1", "p", "b", "br",
             "table", "tr", "th", "td", "pre"}  # fmt: skip
    assert set(page.tags) <= known
    assert page.links == []
