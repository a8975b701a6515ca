"""Mail against a real server: TLS, logins, refusals, and nothing injected."""

import email
from email import policy

import pytest

from pangea.alerts.email import Email
from pangea.alerts.notifier import NotSent, Refused
from pangea.alerts.registry import checked_options
from pangea.alerts.sending import Guarded
from pangea.alerts.tools import Tools, tools_of
from pangea.core.alerts_table import AlertsTable, SmtpTable
from pangea.core.errors import UsageError
from tests.alerts.conftest import message
from tests.alerts.mail_server import MailServer


@pytest.fixture
async def mx():
    async with MailServer() as server:
        yield server


async def sent(server, tools, said=None, notifier=None, **more):
    options = checked_options("email", server.options(**more))
    notifier = notifier or Email(tools)
    await notifier.check(options)
    return await Guarded(notifier).send(said or message(), options, 10)


def read(server, which=-1):
    return email.message_from_bytes(
        server.handler.mails[which][2], policy=policy.default
    )


async def test_a_mail_arrives_with_text_and_html(mx, tools):
    said = message(text="chart ▁▂▅\nü" + "x" * 3000, html="<pre>▁▂▅</pre>")
    two = "ops@example.com, Ann Ü <ann@example.com>"
    assert await sent(mx, tools, said, to=two) == "taken for 2"
    sender, to, raw = mx.handler.mails[0]
    mail = read(mx)
    assert (sender, to) == (
        "pangea@example.com",
        ["ops@example.com", "ann@example.com"],
    )
    assert mail["Subject"] == "DOWN: web (2 of 3 see it)"
    assert mail["From"] == "Pangea <pangea@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [p.get_content_type() for p in mail.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    plain, html = (part.get_content() for part in mail.iter_parts())
    assert plain.strip().replace("\r", "") == said.text
    assert html.strip() == said.html
    assert max(map(len, raw.splitlines())) < 998
    assert raw.isascii()


async def test_one_incident_is_one_thread(mx, tools):
    for said in (message(), message(), message(id="n-2", kind="recovered")):
        await sent(mx, tools, said)
    first, again, last = (read(mx, n) for n in range(3))
    assert first["Message-ID"] == again["Message-ID"] == "<n-1@example.com>"
    assert last["Message-ID"] == "<n-2@example.com>"
    assert first["References"] == last["References"] == last["In-Reply-To"]
    odd = message(id="a>\r\nBcc: x@y.z", thread="ü" * 300)
    await sent(mx, tools, odd)
    assert read(mx)["Bcc"] is None
    assert read(mx)["Message-ID"].endswith("@example.com>")


@pytest.mark.parametrize(
    "subject",
    [
        "x\r\nBcc: all@example.com",
        "x\nX-Evil: 1\n\nbody",
        "x\x00\x1b[31m\u202e y",
        "=?utf-8?q?=0D=0ABcc=3A_all=40example.com?=",
        "ü\r\n" * 200,
    ],
)
async def test_no_subject_makes_a_header(subject, mx, tools):
    await sent(mx, tools, message(subject=subject, kind="down"))
    mail = read(mx)
    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    assert "\n" not in str(mail["Subject"])
    assert mx.handler.mails[0][1] == ["ops@example.com"]


async def test_a_text_never_ends_the_mail(mx, tools):
    text = "a\r\n.\r\nMAIL FROM:<x@y.z>\r\n..\rb"
    await sent(mx, tools, message(text=text))
    assert len(mx.handler.mails) == 1
    assert "MAIL FROM" in read(mx).get_content()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_login_goes_through_tls_alone(tls, tools):
    async with MailServer(tls=tls, login=True) as server:
        login = {"user": "pangea", "password": "hunter2-hunter2"}
        assert await sent(server, tools, **login) == "taken for 1"
        assert server.logins
        assert all(encrypted for encrypted, _ in server.logins)
        wrong = {"user": "pangea", "password": "wrong-password"}
        with pytest.raises(Refused, match="does not let us in: 535") as caught:
            await sent(server, tools, **wrong)
        assert "wrong-password" not in str(caught.value)
        with pytest.raises(Refused, match="530"):
            await sent(server, tools)


async def test_a_server_without_tls_gets_nothing_unless_told(tools):
    async with MailServer(tls="off") as server:
        with pytest.raises(Refused, match="STARTTLS"):
            await sent(server, tools, tls="starttls")
        assert server.handler.mails == []
        assert await sent(server, tools) == "taken for 1"


async def test_a_certificate_is_vouched_for_or_given(mx, tools):
    with pytest.raises(Refused, match="not trusted"):
        await sent(mx, tools, tls_fingerprint="")
    with pytest.raises(Refused, match="tls_fingerprint"):
        await sent(mx, tools, tls_fingerprint="0" * 64)
    assert mx.handler.mails == []


@pytest.mark.parametrize(
    ("at", "answer", "kind"),
    [
        ("at_sender", "550 who are you", Refused),
        ("at_sender", "451 busy", NotSent),
        ("at_sender", "452 full", NotSent),
        ("at_data", "554 spam", Refused),
        ("at_data", "421 going down", NotSent),
        ("at_data", "450 greylisted", NotSent),
    ],
)
async def test_each_refusal_is_for_now_or_for_good(at, answer, kind, mx, tools):
    setattr(mx.handler, at, answer)
    with pytest.raises((NotSent, Refused)) as caught:
        await sent(mx, tools)
    assert type(caught.value) is kind
    assert answer[:3] in str(caught.value)


async def test_who_is_refused_for_good_is_named(mx, tools):
    mx.handler.recipients = {"gone@example.com": "550 no such user"}
    said = await sent(mx, tools, to="ops@example.com,gone@example.com")
    assert said == "taken for 1, but not for gone@example.com: 550 no such user"
    with pytest.raises(Refused, match="every recipient"):
        await sent(mx, tools, to="gone@example.com")


async def test_who_has_it_does_not_get_it_again(mx, tools):
    mx.handler.recipients = {"slow@example.com": "450 greylisted"}
    notifier, both = Email(tools), "ops@example.com,slow@example.com"
    for _ in range(2):
        with pytest.raises(NotSent, match=r"slow@example\.com: 450"):
            await sent(mx, tools, notifier=notifier, to=both)
    mx.handler.recipients = {}
    assert await sent(mx, tools, notifier=notifier, to=both) == "taken for 1"
    assert [mail[1] for mail in mx.handler.mails] == [
        ["ops@example.com"],
        ["slow@example.com"],
    ]


async def test_a_server_that_is_away_or_closed(tools):
    gone = checked_options(
        "email", {"to": "a@b.c", "sender": "p@b.c", "host": "127.0.0.1", "port": 1}
    )
    with pytest.raises(NotSent, match="refused"):
        await Guarded(Email(tools)).send(message(), gone, 5)
    with pytest.raises(Refused, match="this machine itself"):
        await Guarded(Email(Tools())).send(message(), gone, 5)


async def test_the_server_of_the_configuration_serves_channels_without_one(mx):
    table = SmtpTable(
        host="localhost",
        port=mx.port,
        sender="Pangea <pangea@example.com>",
        tls_fingerprint=mx.fingerprint,
    )
    tools = tools_of(AlertsTable(), table)
    options = checked_options("email", {"to": "ops@example.com"})
    assert await Guarded(Email(tools)).send(message(), options, 10) == "taken for 1"


async def test_without_any_server_it_says_what_to_do():
    options = checked_options("email", {"to": "ops@example.com"})
    with pytest.raises(UsageError, match="no mail server") as caught:
        await Email(Tools()).check(options)
    assert "[smtp]" in caught.value.hint
    with pytest.raises(Refused, match="no mail server"):
        await Guarded(Email(Tools())).send(message(), options, 5)


async def test_a_password_never_goes_in_the_clear():
    async with MailServer(tls="off") as server:
        table = SmtpTable(
            host="127.0.0.1",
            port=server.port,
            sender="p@example.com",
            tls="off",
            user="pangea",
            password="hunter2-hunter2",
        )
        options = checked_options("email", {"to": "ops@example.com"})
        guarded = Guarded(Email(tools_of(AlertsTable(), table)))
        with pytest.raises(Refused, match="in the clear"):
            await guarded.send(message(), options, 5)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"to": ""}, "to: wanted 1 to 50"),
        ({"to": "a@b.c\r\nBcc: x@y.z"}, "to: "),
        ({"sender": "nobody"}, "sender: "),
        ({"host": "a b"}, "host: "),
        ({"port": 70000}, "port: "),
        ({"tls": "off", "user": "x"}, "user: a password is not sent in the clear"),
        ({"host": "", "user": "x"}, "user: goes with a host"),
        ({"tls": "ssl"}, "tls: unknown 'ssl'"),
    ],
)
def test_what_is_wrong_is_told(more, said):
    given = {"to": "a@b.c", "host": "mx", **more}
    with pytest.raises(UsageError) as caught:
        checked_options("email", given)
    assert said in str(caught.value)


async def test_templates_make_the_words_and_a_value_stays_a_value(mx, tools):
    said = message(subject="{{ 7 * 7 }}", text="own words", html="<p>own</p>")
    text = "{{ text }}\n{{ data.job | default('?') }}: {{ ack_url }}"
    subject = "[{{ severity }}] {{ subject }}"
    await sent(mx, tools, said, subject=subject, text=text)
    mail = read(mx)
    assert mail["Subject"] == "[critical] {{ 7 * 7 }}"
    text = mail.get_content().replace("\r", "")
    assert text == "own words\nweb: https://pangea.example/ack/abc\n"


@pytest.mark.parametrize(
    "given",
    [
        {"subject": "{{ nothing }}"},
        {"text": "{{ data.job }}"},
        {"text": "{% for x in range(99999999) %}{% endfor %}"},
        {"text": "{{ ''.__class__.__mro__ }}"},
        {"subject": "{% if %}"},
    ],
)
async def test_a_template_that_is_wrong_is_refused_when_it_is_saved(mx, tools, given):
    with pytest.raises(UsageError, match=next(iter(given))):
        await sent(mx, tools, **given)
    assert mx.handler.mails == []


async def test_a_template_that_fails_at_night_costs_no_message(mx, tools):
    wrong = "{{ data['items'][7].title if kind == 'gap' }}"
    await sent(mx, tools, message(kind="gap", html="<p>x</p>"), text=wrong)
    plain = read(mx).get_body(("plain",)).get_content()
    assert plain.startswith("web does not answer.")
    assert "templates of this channel were not used" in plain


async def test_a_subject_by_a_template_injects_no_header(mx, tools):
    said = message(subject="x\r\nBcc: eve@example.com")
    await sent(mx, tools, said, subject="{{ subject }}\r\nBcc: mal@example.com")
    assert read(mx)["Bcc"] is None
