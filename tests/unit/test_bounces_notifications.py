import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperround.bounces.notifications import is_mailgun, is_sendgrid, is_ses, read_notifications, subscription_url
from paperround.bounces.verdict import Report
from paperround.domain import tokens
from paperround.domain.models import BounceKind

KEYS = tokens.keys("a secret of sixteen characters or more")
RETURN = tokens.verp(KEYS, 4711, "papers.example")
HARD, SOFT, POLICY = BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY
COMPLAINT, NOTHING = BounceKind.COMPLAINT, BounceKind.NOTHING


def ses(bounce=None, what="Bounce", **more):
    mail = {"source": RETURN, "messageId": "0101", "commonHeaders": {"messageId": "<letter-1@papers.example>"}}
    return {"notificationType": what, "mail": mail, "bounce": bounce or {}, **more}


def bounced(kind="Permanent", subtype="General", **recipient):
    return ses({"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": [recipient]})


def postmark(kind="HardBounce", details="", record="Bounce"):
    return {"RecordType": record, "Type": kind, "Email": "ada@mail.example", "From": RETURN, "Details": details}


def sendgrid(event="bounce", **more):
    letter = {"smtp-id": "<letter-1@papers.example>", "email": "ada@mail.example"}
    return {"event": event, "sg_event_id": "x"} | letter | more


def mailgun(event="failed", severity="permanent", reason="bounce", **status):
    data = {"event": event, "severity": severity, "reason": reason, "recipient": "ada@mail.example"}
    data |= {"delivery-status": status, "envelope": {"sender": RETURN}}
    return {"signature": {}, "event-data": data | {"message": {"headers": {"message-id": "letter-1@papers.example"}}}}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (bounced(status="5.1.1", diagnosticCode="smtp; 550 5.1.1 nobody"), HARD),
        (bounced(status="5.1.1", diagnosticCode="smtp; 552 5.2.2 over quota"), SOFT),
        (bounced(), HARD),
        (bounced("Transient", "MailboxFull"), SOFT),
        (bounced("Transient", "General"), SOFT),
        (bounced("Transient", "ContentRejected"), POLICY),
        (bounced("Permanent", "Suppressed"), HARD),
        (bounced("Undetermined", "Undetermined"), SOFT),
        (postmark(details="smtp;550 5.1.1 user unknown"), HARD),
        (postmark(), HARD),
        (postmark("SoftBounce"), SOFT),
        (postmark("Blocked"), POLICY),
        (postmark("HardBounce", "550 your address is on a blocklist"), POLICY),
        (postmark("SomethingNew"), NOTHING),
        (postmark("SpamComplaint"), COMPLAINT),
        (postmark("", record="SpamComplaint"), COMPLAINT),
        (sendgrid(reason="500 unknown recipient", status="5.0.0", type="bounce"), HARD),
        (sendgrid(reason="550 go away", status="5.0.0", type="bounce"), HARD),
        (sendgrid(reason="550 refused", type="blocked"), POLICY),
        (sendgrid("spamreport"), COMPLAINT),
        (sendgrid("dropped", reason="Bounced Address"), HARD),
        (sendgrid("dropped", reason="Spam Reporting Address: spam report"), COMPLAINT),
        (sendgrid("dropped", reason="Recipient list over quota of the plan"), POLICY),
        (mailgun(code=550, message="5.1.1 no such user"), HARD),
        (mailgun(code=550, message="", description="the mailbox is full"), SOFT),
        (mailgun(code=498, message="498 no"), HARD),
        (mailgun(reason="old"), SOFT),
        (mailgun(reason="unheard of"), NOTHING),
        (mailgun("complained"), COMPLAINT),
    ],
    ids=str,
)
def test_a_relays_notification_is_judged_by_what_the_server_said_and_else_by_the_relays_own_class(value, kind):
    [report] = read_notifications(value)
    assert report.kind is kind


@pytest.mark.parametrize("value", [bounced(emailAddress="ada@mail.example"), postmark(), mailgun(code=550)])
def test_the_letter_is_known_by_its_return_address(value):
    [report] = read_notifications([value])
    assert tokens.read_verp(KEYS, report.verp_token) == 4711
    assert report.recipient == "ada@mail.example"
    assert report.sent_to


@pytest.mark.parametrize("value", [bounced(), sendgrid(reason="550 no"), mailgun(code=550)])
def test_the_letter_is_known_by_its_message_id(value):
    assert read_notifications(value)[0].message_id == "<letter-1@papers.example>"


@pytest.mark.parametrize("broken", [None, "", "a b", "<>", "x\0y", "a" * 400, 7, ["x"]])
def test_an_invalid_message_id_is_left_out(broken):
    assert read_notifications(sendgrid(reason="550 no") | {"smtp-id": broken})[0].message_id is None


def test_amazon_wraps_its_notifications_once_more():
    wrapped = {"Type": "Notification", "Message": json.dumps(bounced(status="5.1.1"))}
    assert read_notifications(wrapped)[0].kind is HARD
    for message in ("no JSON", "[]", json.dumps(postmark())):
        assert read_notifications({"Type": "Notification", "Message": message}) == []


def test_a_complaint_that_amazon_tells_may_be_its_contrary():
    told = {"complainedRecipients": [{"emailAddress": "ada@mail.example"}], "complaintFeedbackType": "abuse"}
    assert read_notifications(ses(what="Complaint", complaint=told))[0].kind is COMPLAINT
    told["complaintFeedbackType"] = "not-spam"
    assert read_notifications(ses(what="Complaint", complaint=told))[0].kind is NOTHING


@pytest.mark.parametrize(
    "value",
    [
        ses(what="Delivery"),
        postmark(record="Delivery"),
        sendgrid("delivered"),
        sendgrid("deferred", reason="450 later"),
        mailgun("delivered"),
        mailgun(severity="temporary", code=450),
    ],
    ids=str,
)
def test_what_is_no_failure_is_left_out(value):
    assert read_notifications(value) == []


def test_a_list_may_hold_several_of_them():
    assert len(read_notifications([sendgrid(reason="550 no"), sendgrid("open"), sendgrid("spamreport")])) == 2


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, [[]], {"event": "bounce"}, {"kind": "hard"}])
def test_what_is_no_relays_notification_is_none(value):
    assert read_notifications(value) is None


def test_a_subscription_is_to_be_confirmed_by_its_address():
    value = {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.example/confirm"}
    assert subscription_url(value) == "https://sns.example/confirm"
    assert subscription_url(value | {"SubscribeURL": 7}) == "7"
    for other in ({}, [], {"Type": "Notification"}, {"Type": "SubscriptionConfirmation"}):
        assert subscription_url(other) is None


NAMES = [
    "Type",
    "Message",
    "notificationType",
    "mail",
    "bounce",
    "bouncedRecipients",
    "complaint",
    "RecordType",
    "Details",
    "event",
    "smtp-id",
    "reason",
    "status",
    "event-data",
    "delivery-status",
    "message",
    "headers",
    "severity",
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)


@given(anything)
def test_any_json_gives_reports_or_none(value):
    found = read_notifications(value)
    assert found is None or all(isinstance(one, Report) for one in found)


def test_whose_event_a_record_is_decides_which_signature_it_needs():
    records = {"sendgrid": sendgrid(), "mailgun": mailgun(), "postmark": postmark(), "ses": ses()}
    assert [name for name, record in records.items() if is_sendgrid(record)] == ["sendgrid"]
    assert [name for name, record in records.items() if is_mailgun(record)] == ["mailgun"]
    assert [name for name, record in records.items() if is_ses(record)] == ["ses"]
