"""Mail in words of one's own: subject and text by templates, in their sandbox."""

from collections.abc import Sequence

from msgspec.structs import replace

from pangea.core.text import safe_text

from . import templates
from .document import document
from .notifier import Message


async def worded(subject: str, text: str, messages: Sequence[Message]) -> list[Message]:
    """Return *messages* with what the templates make of each; an empty one is ours.

    What has a text of its own has no HTML. Raises Faulty for a template that is
    wrong (0 is the subject, 1 the text), PangeaError if it cannot be rendered now.
    """
    if not subject and not text:
        return list(messages)
    cases = [document(message) for message in messages]
    made = await templates.render_each([subject, text], cases)
    return [
        replace(
            message,
            subject=safe_text(" ".join(said[0].split()), 200) or message.subject,
            text=said[1] or message.text,
            html="" if text else message.html,
        )
        for message, said in zip(messages, made, strict=True)
    ]
