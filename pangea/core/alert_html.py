"""The same words as HTML, for mail: a table of the facts, the chart, and the links.

All text in it may come from a target and is escaped; it loads nothing from anywhere,
so that opening a mail tells nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .alert_words import LABELS, LINKED, OVER

_FONT = "font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_CELL = "padding:2px 12px 2px 0;vertical-align:top;text-align:left"
_COLOURS = {"critical": "#b00020", "warning": "#8a5a00", "info": "#1f6b3a"}
_DIM = "#666666"
#: What a link is called in a mail.
_LINKS = {"incident": "the incident", "job": "the job", "workers": "the workers"}


def mail_html(
    subject: str,
    text: str,
    data: Mapping[str, Any],
    *,
    colour: str = "info",
    chart: Sequence[str] = (),
    ack_url: str = "",
) -> str:
    """Return the document for a message of *text* and *data*, as ``say`` made them.

    *chart* are lines of characters, *ack_url* is the link that acknowledges.
    """
    parts = text.split("\n\n")
    lead, last = parts[0], parts[-1]
    body = [_heading(subject, colour), f"<p>{_lines(lead)}</p>"]
    if "items" in data:
        body.append(_items(data))
    else:
        body.append(_facts(data))
    if chart:
        drawn = "\n".join(escape(line) for line in chart)
        body.append(f'<pre style="{_FONT};line-height:1.2">{drawn}</pre>')
    body.append(_ways(data, ack_url))
    if data.get("next"):
        body.append(f"<p><b>Next</b> {escape(str(data['next']))}</p>")
    if data.get("repeated"):
        body.append("<p>This may have reached you already.</p>")
    if last != lead and "items" not in data:
        body.append(f'<p style="color:{_DIM}">{_lines(last)}</p>')
    inner = "\n".join(part for part in body if part)
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(subject)}</title>'
        f'</head>\n<body style="{_FONT};font-size:14px">\n{inner}\n</body></html>\n'
    )


def _heading(subject: str, colour: str) -> str:
    shade = _COLOURS.get(colour, _COLOURS["info"])
    style = f"font-size:18px;border-left:6px solid {shade};padding-left:10px"
    return f'<h1 style="{style}">{escape(subject)}</h1>'


def _facts(data: Mapping[str, Any]) -> str:
    facts: Mapping[str, str] = data.get("facts", {})
    is_over = data.get("kind") in ("recovered", "worker-back")
    labels = LABELS | (OVER if is_over else {})
    known = [n for n in LABELS if n in facts]
    names = [*known, *(n for n in facts if n not in LABELS and n not in LINKED)]
    return _table(
        (
            labels.get(name, name.capitalize()),
            _votes(facts[name]) if name == "votes" else _lines(facts[name]),
        )
        for name in names
    )


def _votes(text: str) -> str:
    """Return who sees what as a table of its own."""
    rows = (line.partition(": ") for line in text.split("\n"))
    return _table((who, escape(said)) for who, _, said in rows)


def _items(data: Mapping[str, Any]) -> str:
    rows = _table(
        (
            str(item["kind"]).upper(),
            _lines(" · ".join(filter(None, (item["title"], item["reason"])))),
        )
        for item in data["items"]
    )
    more = int(data.get("count", 0)) - len(data["items"])
    return rows + (f"<p>… and {more} more.</p>" if more > 0 else "")


def _table(rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of names, which are escaped here, and of HTML."""
    drawn = [
        f'<tr><th scope="row" style="{_CELL};font-weight:normal;color:{_DIM}">'
        f'{escape(name)}</th><td style="{_CELL}">{cell}</td></tr>'
        for name, cell in rows
    ]
    if not drawn:
        return ""
    table = '<table role="presentation" style="border-collapse:collapse">'
    return table + "\n".join(drawn) + "</table>"


def _ways(data: Mapping[str, Any], ack_url: str) -> str:
    links: Mapping[str, str] = data.get("links", {})
    ways = [
        f'<a href="{escape(url)}">{_LINKS.get(name, escape(name))}</a>'
        for name, url in links.items()
        if url.startswith(("https://", "http://"))
    ]
    if ack_url:
        ways.insert(0, f'<a href="{escape(ack_url)}"><b>[ACKNOWLEDGE]</b></a>')
    return f"<p>{' · '.join(ways)}</p>" if ways else ""


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.split("\n"))
