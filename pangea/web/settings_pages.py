"""The routes of the settings."""

from .route import Auth, Handler, Route
from .settings_channels import (
    channel_on,
    channel_remove,
    channel_test,
    channels,
    retry,
    save_channel,
)
from .settings_planned import end, maintenance, plan
from .settings_rules import rule_on, rule_remove, rules, save_rule
from .settings_system import back_up, rotate, secrets, system


def _page(method: str, path: str, handler: Handler, auth: Auth, summary: str) -> Route:
    return Route(
        method=method,
        path=f"/settings{path}",
        handler=handler,
        summary=summary,
        auth=auth,
        page=True,
    )


SETTINGS_PAGES: list[Route] = [
    _page("GET", "", system, "viewer", "What is kept, backups, who you are"),
    _page("POST", "/backup", back_up, "admin", "Make a backup now"),
    _page("GET", "/channels", channels, "operator", "Channels and the log"),
    _page("POST", "/channels", save_channel, "admin", "Add or change a channel"),
    _page("POST", "/channels/{name}/on", channel_on, "admin", "Use it, or not"),
    _page("POST", "/channels/{name}/remove", channel_remove, "admin", "Remove it"),
    _page("POST", "/channels/{name}/test", channel_test, "operator", "Send a test"),
    _page("POST", "/deliveries/{id}/retry", retry, "operator", "Try once more"),
    _page("GET", "/rules", rules, "viewer", "The alert rules"),
    _page("POST", "/rules", save_rule, "admin", "Add or change a rule"),
    _page("POST", "/rules/{name}/on", rule_on, "admin", "Let it speak, or not"),
    _page("POST", "/rules/{name}/remove", rule_remove, "admin", "Remove it"),
    _page("GET", "/maintenance", maintenance, "viewer", "The maintenance calendar"),
    _page("POST", "/maintenance", plan, "operator", "Plan one"),
    _page("POST", "/maintenance/{id}/end", end, "operator", "End one now"),
    _page("GET", "/secrets", secrets, "admin", "The cluster's secrets"),
    _page("POST", "/secrets/{step}", rotate, "admin", "Start, use or finish"),
]
