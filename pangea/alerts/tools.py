"""What notifiers reach the world with; made once, shared by all of them."""

from dataclasses import dataclass, field

from pangea.core.address_rule import AddressRule
from pangea.core.alerts_table import AlertsTable, SmtpTable

from .http import HttpSender


@dataclass(frozen=True, slots=True)
class Tools:
    """The rule for addresses, and all that goes by it.

    ``programs`` are those that channels may run, ``smtp`` is the mail server of
    channels that name none.
    """

    rule: AddressRule = field(default_factory=AddressRule)
    http: HttpSender = field(default_factory=HttpSender)
    smtp: SmtpTable = field(default_factory=SmtpTable)
    programs: tuple[str, ...] = ()
    apprise: bool = False


def tools_of(alerts: AlertsTable, smtp: SmtpTable, *, public: bool = False) -> Tools:
    """Return the tools that the configuration allows; *public*: strangers reach us."""
    rule = AddressRule(alerts.allow, private=not public)
    return Tools(
        rule=rule,
        http=HttpSender(rule, alerts.proxy),
        smtp=smtp,
        programs=alerts.exec,
        apprise=alerts.apprise,
    )
