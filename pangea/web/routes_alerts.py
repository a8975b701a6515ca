"""The routes of alert rules and deliveries."""

from .api_alert_rules import (
    WouldQuery,
    add_rule,
    edit_rule,
    remove_rule,
    rule,
    rules,
    would_tell,
)
from .api_deliveries import DeliveriesQuery, deliveries, delivery, retry_delivery
from .route import Route
from .schema_alerts import (
    DeliveryAnswer,
    DeliveryDetail,
    RuleAnswer,
    RulePatch,
    RuleSpec,
    WouldTell,
)

_ALL, _ONE = "/api/v1/rules", "/api/v1/rules/{name}"
_SENT = "/api/v1/deliveries"

ALERT_ROUTES: list[Route] = [
    Route(
        method="GET",
        path=_ALL,
        handler=rules,
        summary="Alert rules: who is told of what, the oldest first",
        answer=list[RuleAnswer],
    ),
    Route(
        method="POST",
        path=_ALL,
        handler=add_rule,
        summary="Add an alert rule; it looks at what is wrong already",
        body=RuleSpec,
        answer=RuleAnswer,
        auth="admin",
        status=201,
    ),
    Route(
        method="GET",
        path=_ONE,
        handler=rule,
        summary="One alert rule",
        answer=RuleAnswer,
    ),
    Route(
        method="PATCH",
        path=_ONE,
        handler=edit_rule,
        summary="Change an alert rule; what it has told stays told",
        body=RulePatch,
        answer=RuleAnswer,
        auth="admin",
    ),
    Route(
        method="DELETE",
        path=_ONE,
        handler=remove_rule,
        summary="Remove an alert rule",
        auth="admin",
        status=204,
    ),
    Route(
        method="GET",
        path="/api/v1/jobs/{name}/alerts",
        handler=would_tell,
        summary="Which rules would tell whom if this job had an alert now",
        query=WouldQuery,
        answer=list[WouldTell],
    ),
    Route(
        method="GET",
        path=_SENT,
        handler=deliveries,
        summary="What was told to whom, and what did not arrive, newest first",
        query=DeliveriesQuery,
        answer=list[DeliveryAnswer],
    ),
    Route(
        method="GET",
        path=f"{_SENT}/{{id}}",
        handler=delivery,
        summary="One delivery with each attempt",
        answer=DeliveryDetail,
    ),
    Route(
        method="POST",
        path=f"{_SENT}/{{id}}/retry",
        handler=retry_delivery,
        summary="Try at once what waits, or was given up",
        answer=DeliveryAnswer,
        auth="operator",
    ),
]
