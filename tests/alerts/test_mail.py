"""Whatever a target says, a mail has the headers that we gave it, and no others."""

import email
from email import policy

from hypothesis import example, given
from hypothesis import strategies as st

from pangea.alerts.mail import write
from pangea.core.mail_address import MailAddress
from tests.alerts.conftest import message

OURS = {
    "From", "To", "Subject", "Auto-Submitted", "Content-Type", "MIME-Version",
    "Content-Transfer-Encoding", "Message-ID", "In-Reply-To", "References", "Date",
    "Importance", "X-Pangea-Kind",
}  # fmt: skip
ANN = MailAddress("ann@example.com", "Ann")


@given(subject=st.text(max_size=400), id_=st.text(max_size=100), text=st.text())
@example("=?utf-8?q?=0D=0ABcc=3A_all=40example.com?=", "n", "")
@example("=?utf-8?b?DQpCY2M6IGFsbEBleGFtcGxlLmNvbQ==?=", "n", "")
@example("x" * 80 + "\r\nBcc: all@example.com", ">\r\nBcc: a@b.c", "\r\n.\r\nQUIT")
@example("= ?utf-8?q?=0D=0A?=" * 20, "=?utf-8?q?=0D?=", "")
def test_no_text_makes_a_header_or_ends_the_mail(subject, id_, text):
    said = message(subject=subject, id=id_, thread=id_, text=text)
    raw = write(said, ANN, [ANN]).as_bytes()
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert set(mail.keys()) == OURS
    assert len(mail.keys()) == len(OURS)
    assert mail["To"] == "Ann <ann@example.com>"
    assert not mail.defects
    assert raw.isascii()
    assert all(len(line) < 998 for line in raw.splitlines())
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"\n" not in head.replace(b"\r\n", b"")
