"""Reports of messages that were not delivered: read, sorted, and tied to a letter by a mark that nobody can make."""

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.adapters.bounces import BounceKind, read_bounce, reason_of
from backoffice.adapters.mailer import Reason
from backoffice.campaigns.tracing import Tracer
from backoffice.embedded.mailcatcher import delivery_report
from backoffice.letters.reference import format_letter_id

LETTER = format_letter_id("631", 12345)
OURS = Tracer("clé de la maison")
SENT = (
    f"Message-ID: {OURS.message_id(LETTER, 'mon-dmp.example.org')}\r\nTo: zoe@exemple.fr\r\nSubject: Votre DMP\r\n\r\n"
    "Votre code : B2CD 3FGH 4JKM\r\n"
).encode()

# As exchanged by real servers, shortened: Postfix; a qmail and an older Exim, that know no RFC 3464.
POSTFIX = b"""Return-Path: <>
To: retours@mon-dmp.example.org
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B.1/mx"

--B.1/mx
Content-Type: text/plain; charset=us-ascii

<zoe@exemple.fr>: host mx.exemple.fr said: 550 5.1.1 User unknown

--B.1/mx
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
X-Postfix-Queue-ID: 9F2
Arrival-Date: Wed,  2 Nov 2016 09:30:00 +0100 (CET)

Final-Recipient: rfc822; zoe@exemple.fr
Original-Recipient: rfc822;zoe@exemple.fr
Action: failed
Status: 5.0.0
Remote-MTA: dns; mx.exemple.fr
Diagnostic-Code: smtp; 550 5.1.1 <zoe@exemple.fr>: User unknown in virtual table

--B.1/mx
Content-Type: message/rfc822

%s
--B.1/mx--
"""
QMAIL = b"""From: MAILER-DAEMON@vieux.example.org
To: retours@mon-dmp.example.org
Subject: failure notice

Hi. This is the qmail-send program at vieux.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<Zoe@exemple.fr>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <retours@mon-dmp.example.org>
%s
"""
EXIM = b"""From: Mail Delivery System <Mailer-Daemon@autre.example.org>
To: retours@mon-dmp.example.org
Auto-Submitted: auto-replied
X-Failed-Recipients: zoe@exemple.fr
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  zoe@exemple.fr
    host mx.exemple.fr [192.0.2.7]: 552 5.2.2 Mailbox full

------ This is a copy of the message, including all the headers. ------

%s
"""
EXIM_WARNING = b"""From: Mail Delivery System <Mailer-Daemon@autre.example.org>
To: retours@mon-dmp.example.org
Auto-Submitted: auto-replied
Subject: Warning: message 1c1abc-0001 delayed 24 hours

This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its recipients: zoe@exemple.fr
"""
PERSON = b"""From: Zoe <zoe@exemple.fr>
To: retours@mon-dmp.example.org
Subject: Re: Votre DMP

Hi. This is the second time that I write: <zoe@exemple.fr>: is not my address any more. 5.1.1
"""


def test_a_report_says_which_letter_came_back_and_why() -> None:
    address = OURS.return_address(LETTER, "retours@mon-dmp.example.org")
    report = delivery_report(SENT, address, "zoe@exemple.fr", "5.1.1").as_bytes()
    found = read_bounce(report)
    assert (found.kind, found.status, found.reason) == (BounceKind.RETURNED, "5.1.1", Reason.ADDRESS)
    assert OURS.find(found.traces) == LETTER
    assert found.addresses == {"zoe@exemple.fr"}
    assert b"B2CD" not in report


def test_the_far_servers_answer_says_more_than_the_relays_and_the_message_id_is_enough() -> None:
    found = read_bounce(POSTFIX % SENT.replace(b"\r\n", b"\n"))
    assert (found.kind, found.status, found.reason) == (BounceKind.RETURNED, "5.1.1", Reason.ADDRESS)
    assert OURS.find(found.traces) == LETTER


@pytest.mark.parametrize(
    ("notice", "status", "reason"), [(QMAIL, "5.1.1", Reason.ADDRESS), (EXIM, "5.2.2", Reason.BUSY)]
)
def test_a_server_that_writes_no_report_is_understood_all_the_same(notice: bytes, status: str, reason: Reason) -> None:
    found = read_bounce(notice % SENT.replace(b"\r\n", b"\n"))
    assert (found.kind, found.status, found.reason) == (BounceKind.RETURNED, status, reason)
    assert OURS.find(found.traces) == LETTER
    assert found.addresses == {"zoe@exemple.fr"}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("5.1.1", Reason.ADDRESS), ("5.1.2", Reason.ADDRESS), ("5.1.10", Reason.ADDRESS), ("5.2.1", Reason.ADDRESS),
        ("5.4.1", Reason.ADDRESS), ("5.4.4", Reason.ADDRESS), ("5.2.2", Reason.BUSY), ("4.4.7", Reason.BUSY),
        ("4.2.2", Reason.BUSY), ("5.7.1", Reason.POLICY), ("5.7.26", Reason.POLICY), ("5.3.4", Reason.CONTENT),
        ("5.1.8", Reason.CONTENT), ("5.0.0", Reason.CONTENT), ("", Reason.CONTENT),
    ],
)  # fmt: skip
def test_hard_and_soft(status: str, reason: Reason) -> None:
    assert reason_of(status) is reason


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed"])
def test_a_delay_announced_is_no_return(action: str) -> None:
    assert read_bounce(delivery_report(SENT, "r@x.fr", "z@y.fr", "4.4.1", action).as_bytes()).kind is BounceKind.DELAYED


def absence() -> bytes:
    message = EmailMessage()
    message["To"] = OURS.return_address(LETTER, "retours@mon-dmp.example.org")
    message["Subject"] = "Absence du bureau"
    message["Auto-Submitted"] = "auto-replied"
    message.set_content("Je suis en congé.")
    return message.as_bytes()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (absence(), BounceKind.AUTOMATIC),
        (EXIM_WARNING, BounceKind.AUTOMATIC),
        (PERSON, BounceKind.UNKNOWN),
        (b"", BounceKind.UNKNOWN),
        (b"Content-Type: multipart/report; report-type=delivery-status\n\nrien", BounceKind.UNKNOWN),
    ],
)
def test_what_is_no_report_is_not_taken_for_one(content: bytes, kind: BounceKind) -> None:
    assert read_bounce(content).kind is kind


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600), st.integers(0, 1600))
def test_a_damaged_report_is_sorted_without_a_fault(noise: bytes, cut: int) -> None:
    whole = delivery_report(SENT, "r@x.fr", "z@y.fr", "5.1.1").as_bytes()
    assert read_bounce(whole[:cut] + noise + whole[cut:]).kind in BounceKind
    assert read_bounce(noise).kind is not BounceKind.RETURNED


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["631", "971", "013"]), st.integers(1, 999_999_999))
def test_a_mark_is_found_wherever_it_stands_and_only_with_our_key(caisse: str, number: int) -> None:
    letter_id = format_letter_id(caisse, number)
    message_id, address = OURS.message_id(letter_id, "x.fr"), OURS.return_address(letter_id, "retours@x.fr")
    assert len(address.rpartition("@")[0]) <= 64  # RFC 5321
    for text in (message_id, address, f"X: {address.upper()}", f"Re: {message_id}\n autre ligne"):
        assert OURS.find(text) == letter_id
        assert Tracer("une autre clé").find(text) is None
    other = format_letter_id(caisse, number % 999_999_999 + 1)
    assert OURS.find(message_id.replace(letter_id, other)) is None
