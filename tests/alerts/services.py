"""What each service documents of the messages that it takes, as it would check them.

Shapes forbid unknown fields and bound lengths as the documents named in
``pangea/alerts`` do; what does not fit is answered as the service answers it.
"""

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta, Struct, field


class Strict(Struct, forbid_unknown_fields=True):
    """Takes nothing that is not documented."""


class PlainText(Strict):
    type: Literal["plain_text"]
    text: Annotated[str, Meta(min_length=1, max_length=3000)]
    emoji: bool


class HeaderText(Strict):
    type: Literal["plain_text"]
    text: Annotated[str, Meta(min_length=1, max_length=150)]
    emoji: bool


class Header(Strict, tag="header"):
    text: HeaderText


class Section(Strict, tag="section"):
    text: PlainText


class Button(Strict):
    type: Literal["button"]
    text: PlainText
    url: Annotated[str, Meta(max_length=3000)]


class Actions(Strict, tag="actions"):
    elements: Annotated[list[Button], Meta(min_length=1, max_length=25)]


class Slack(Strict):
    text: str
    blocks: Annotated[list[Header | Section | Actions], Meta(max_length=50)]


class Mentions(Strict):
    parse: Annotated[list[str], Meta(max_length=0)]


class Embed(Strict):
    title: Annotated[str, Meta(max_length=256)]
    description: Annotated[str, Meta(max_length=4096)]
    color: Annotated[int, Meta(ge=0, le=0xFFFFFF)]
    timestamp: str
    url: str = ""


class Discord(Strict):
    username: Annotated[str, Meta(min_length=1, max_length=80)]
    embeds: Annotated[list[Embed], Meta(min_length=1, max_length=10)]
    allowed_mentions: Mentions


class CardText(Strict):
    type: Literal["TextBlock"]
    text: str
    wrap: bool
    weight: Literal["bolder"] = "bolder"
    size: Literal["medium"] = "medium"
    color: Literal["default", "good", "warning", "attention"] = "default"
    spacing: Literal["none"] = "none"


class CardAction(Strict):
    type: Literal["Action.OpenUrl"]
    title: str
    url: str


class Card(Strict):
    type: Literal["AdaptiveCard"]
    version: Literal["1.4"]
    body: Annotated[list[CardText], Meta(min_length=1)]
    actions: Annotated[list[CardAction], Meta(max_length=6)]
    schema: str = field(name="$schema")


class Attachment(Strict):
    contentType: Literal["application/vnd.microsoft.card.adaptive"]
    contentUrl: None
    content: Card


class Teams(Strict):
    type: Literal["message"]
    attachments: Annotated[list[Attachment], Meta(min_length=1, max_length=1)]


class MattermostAttachment(Strict):
    fallback: str
    title: str
    color: Annotated[str, Meta(pattern="^#[0-9A-F]{6}$")]
    text: str
    title_link: str = ""


class Mattermost(Strict):
    attachments: list[MattermostAttachment]
    channel: str = ""
    username: str = ""


class Matrix(Strict):
    msgtype: Literal["m.text"]
    body: str
    format: Literal["org.matrix.custom.html"]
    formatted_body: str


class Preview(Strict):
    is_disabled: bool


class Telegram(Strict):
    chat_id: str
    text: Annotated[str, Meta(min_length=1, max_length=4096)]
    disable_notification: bool
    link_preview_options: Preview
    message_thread_id: int = 0


class NtfyAction(Strict):
    action: Literal["view"]
    label: str
    url: str


class Ntfy(Strict):
    topic: Annotated[str, Meta(pattern="^[-_A-Za-z0-9]{1,64}$")]
    title: str
    message: str
    priority: Annotated[int, Meta(ge=1, le=5)]
    tags: list[str]
    click: str = ""
    actions: Annotated[list[NtfyAction], Meta(max_length=3)] = []


class Gotify(Strict):
    title: str
    message: Annotated[str, Meta(min_length=1)]
    priority: Annotated[int, Meta(ge=0, le=10)]
    extras: dict[str, dict[str, Any]]


class PagerPayload(Strict):
    summary: Annotated[str, Meta(min_length=1, max_length=1024)]
    source: Annotated[str, Meta(min_length=1)]
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: str
    custom_details: dict[str, Any]
    klass: str = field(name="class")


class PagerLink(Strict):
    href: str
    text: str


class Pagerduty(Strict):
    routing_key: str
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: Annotated[str, Meta(min_length=1, max_length=255)]
    payload: PagerPayload | None = None
    links: list[PagerLink] = []
    client: str = ""
    client_url: str = ""


class PagerAck(Strict):
    routing_key: str
    event_action: Literal["acknowledge", "resolve"]
    dedup_key: Annotated[str, Meta(min_length=1, max_length=255)]


class Team(Strict):
    name: str
    type: Literal["team"]


class Opsgenie(Strict):
    message: Annotated[str, Meta(min_length=1, max_length=130)]
    alias: Annotated[str, Meta(max_length=512)]
    description: Annotated[str, Meta(max_length=15000)]
    tags: Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=20)]
    details: dict[str, str]
    source: Annotated[str, Meta(max_length=100)]
    priority: Literal["P1", "P2", "P3", "P4", "P5"]
    responders: list[Team] = []


class OpsgenieNote(Strict):
    source: Annotated[str, Meta(max_length=100)]
    note: Annotated[str, Meta(max_length=25000)]


def service(receiver, shape, status, said, *, also=lambda request: True):
    """Let *receiver* be a service that takes *shape*; return what it took."""
    taken = []

    async def answer(request, body):
        if request.content_type != "application/json" or not also(request):
            return web.Response(status=401, text="unauthorized")
        try:
            taken.append(msgspec.json.decode(body, type=shape))
        except msgspec.ValidationError as error:
            return web.Response(status=400, text=f"invalid payload: {error}")
        return web.Response(status=status, text=said)

    receiver.answer = answer
    return taken
