"""The child that calls Apprise: what to send comes by its input, 0 means sent."""

import sys

import apprise
import msgspec

from pangea.alerts.apprise import Asked

#: The exit codes beside 0.
FAILED, UNKNOWN_URL = 1, 2


def main() -> int:
    """Send once, or with nothing to send look at the URL."""
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    # Nothing on this disk or of a target's making is to be read or sent along.
    asset = apprise.AppriseAsset(async_mode=False, plugin_paths=[])
    sender = apprise.Apprise(asset=asset)
    if not all(sender.add(url) for url in asked.url.split()):
        return UNKNOWN_URL
    if not asked.body:
        return 0
    sent = sender.notify(
        body=asked.body,
        title=asked.title,
        notify_type=apprise.NotifyType(asked.type),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return 0 if sent else FAILED


if __name__ == "__main__":
    sys.exit(main())
