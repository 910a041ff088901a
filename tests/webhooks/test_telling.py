"""What happens is told once per webhook, signed, until it is taken; who never takes it is left alone at last."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from cms_core.auth.models import AuditEntry
from cms_core.clock import FrozenClock
from cms_core.errors import CmsError
from cms_core.webhooks import sending, service
from cms_core.webhooks.models import MessageState, Webhook, WebhookMessage
from cms_core.webhooks.sending import tell_webhooks
from cms_core.webhooks.signing import is_genuine
from cms_core.worker import Worker
from cms_core.workspace import Workspace

from .conftest import Receiver

Subscribe = Callable[..., tuple[str, str]]
Happen = Callable[..., None]


def messages(workspace: Workspace) -> list[WebhookMessage]:
    with workspace.db.session() as session:
        return list(session.scalars(select(WebhookMessage).order_by(WebhookMessage.id)))


def webhook(workspace: Workspace) -> Webhook:
    with workspace.db.session() as session:
        return session.scalars(select(Webhook)).one()


def test_the_worker_tells_what_happened_since_signed(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen
) -> None:
    happen("clicked")
    _, secret = subscribe(receiver.url)
    happen("opened", "clicked")
    Worker(workspace).run_until_idle()
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["opened", "clicked"]
    headers, body = receiver.got[0]
    assert is_genuine(secret, headers, body, workspace.db.clock.now())
    told = json.loads(body)
    assert set(told) == {"type", "timestamp", "data"}
    assert (told["data"]["campaign"], told["data"]["source"]) == ("launch", "test")
    (first, _) = messages(workspace)
    assert (first.state, first.status, headers["webhook-id"]) == ("delivered", 200, first.public_id)
    assert "POST /hook" in first.request_head
    assert first.response_head.startswith("200")
    Worker(workspace).run_until_idle()
    assert len(receiver.got) == 2


def test_only_the_kinds_that_were_asked_for(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen
) -> None:
    subscribe(receiver.url, "converted", "bounced")
    happen("opened", "converted", "clicked", "bounced")
    tell_webhooks(workspace)
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["converted", "bounced"]


def test_many_events_are_read_in_batches_and_each_is_told_once(
    workspace: Workspace,
    receiver: Receiver,
    subscribe: Subscribe,
    happen: Happen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "BATCH", 3)
    subscribe(receiver.url, "clicked")
    happen(*["clicked", "opened"] * 5)
    while tell_webhooks(workspace):
        pass
    told = [json.loads(body)["data"]["id"] for _, body in receiver.got]
    assert len(told) == len(set(told)) == 5


def test_what_is_not_taken_is_sent_again_later_with_the_same_id(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen, clock: FrozenClock
) -> None:
    subscribe(receiver.url)
    receiver.answers = [(500, {}), (302, {"Location": "http://127.0.0.1:9/"})]
    happen("clicked")
    tell_webhooks(workspace)
    (message,) = messages(workspace)
    assert (message.state, message.status, message.reason) == ("pending", 500, "answered 500")
    assert message.next_at == clock.at + timedelta(seconds=5)
    assert tell_webhooks(workspace) == 0
    clock.at += timedelta(seconds=5)
    tell_webhooks(workspace)
    assert messages(workspace)[0].reason == "answered 302", "a redirect is not followed"
    clock.at += timedelta(seconds=30)
    tell_webhooks(workspace)
    assert messages(workspace)[0].state == MessageState.DELIVERED
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.got}) == 3
    assert webhook(workspace).failing_since is None


def test_retry_after_is_heeded(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen, clock: FrozenClock
) -> None:
    subscribe(receiver.url)
    receiver.answers = [(429, {"Retry-After": "600"})]
    happen("clicked")
    tell_webhooks(workspace)
    assert messages(workspace)[0].next_at == clock.at + timedelta(minutes=10)


def test_after_about_a_day_a_message_is_given_up(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen, clock: FrozenClock
) -> None:
    subscribe(receiver.url)
    receiver.answers = [(500, {})] * 50
    happen("clicked")
    begun = clock.at
    while messages(workspace)[:1] == [] or messages(workspace)[0].state == "pending":
        tell_webhooks(workspace)
        clock.at = messages(workspace)[0].next_at or clock.at
    assert timedelta(hours=20) < clock.at - begun < timedelta(hours=28)
    assert (messages(workspace)[0].state, messages(workspace)[0].tries) == ("failed", 12)
    assert webhook(workspace).disabled_at is None


def test_a_webhook_that_takes_nothing_for_days_is_switched_off_and_that_is_told(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen, clock: FrozenClock
) -> None:
    subscribe(receiver.url)
    receiver.answers = [(500, {})] * 100
    for _ in range(5):
        happen("clicked")
        tell_webhooks(workspace)
        clock.at += timedelta(days=1)
    off = webhook(workspace)
    assert off.disabled_at is not None
    assert "3 days" in off.disabled_reason
    assert not [each for each in messages(workspace) if each.state == "pending"]
    with workspace.db.session() as session:
        noted = session.scalars(
            select(AuditEntry).where(AuditEntry.kind == "webhook", AuditEntry.action == "update")
        )
        assert any("disabled_reason" in entry.changes for entry in noted)
    sent = len(receiver.got)
    happen("clicked")
    assert tell_webhooks(workspace) == 0
    with workspace.db.transaction() as session:
        service.enable(session, service.find(session, off.public_id))
    receiver.answers = []
    happen("opened")
    tell_webhooks(workspace)
    assert [json.loads(body)["type"] for _, body in receiver.got[sent:]] == ["opened"]


def test_a_receiver_that_is_gone_is_left_alone_at_once(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen
) -> None:
    subscribe(receiver.url)
    receiver.answers = [(410, {})]
    happen("clicked", "opened")
    tell_webhooks(workspace)
    assert "gone" in webhook(workspace).disabled_reason
    assert len(receiver.got) == 1


def test_one_that_does_not_answer_keeps_no_other_waiting(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen
) -> None:
    subscribe("http://127.0.0.1:9999/")
    subscribe(receiver.url)
    happen("clicked")
    tell_webhooks(workspace)
    assert len(receiver.got) == 1
    assert [each.state for each in messages(workspace)] == ["pending", "delivered"]
    assert "cannot connect" in messages(workspace)[0].reason


def test_who_dies_while_sending_sends_again_when_the_lease_is_over(
    workspace: Workspace,
    receiver: Receiver,
    subscribe: Subscribe,
    happen: Happen,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscribe(receiver.url)
    happen("clicked")
    with monkeypatch.context() as dying:
        dying.setattr(sending, "_send", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            tell_webhooks(workspace)
    assert tell_webhooks(workspace) == 0
    clock.at += sending.LEASE
    assert tell_webhooks(workspace) == 1
    assert messages(workspace)[0].state == MessageState.DELIVERED


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://0x7f000002/",
        "http://192.168.1.1:8080/x",
        "ftp://example.com/",
        "https://user:pass@example.com/",
        "https://example.com:25/",
        "javascript:alert(1)",
        "https://exa mple.com/",
        "",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_addresses_that_must_not_be_called_are_refused(
    workspace: Workspace, subscribe: Subscribe, url: str
) -> None:
    with pytest.raises(CmsError) as refused:
        subscribe(url)
    assert refused.value.remedy


def test_a_name_that_leads_inside_is_not_called(
    workspace: Workspace, subscribe: Subscribe, happen: Happen
) -> None:
    workspace.guard._lookup = lambda *_, **__: [(2, 1, 6, "", ("10.0.0.7", 80))]
    subscribe("http://inside.example.com/")
    happen("clicked")
    tell_webhooks(workspace)
    (message,) = messages(workspace)
    assert message.state == MessageState.PENDING
    assert "not an address that may be reached" in message.reason


def test_its_secret_is_nowhere_in_the_clear(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen
) -> None:
    _, secret = subscribe(receiver.url)
    happen("clicked")
    tell_webhooks(workspace)
    with workspace.db.session() as session:
        for table in ("core_webhook", "core_webhook_message", "core_audit"):
            rows = str(session.connection().exec_driver_sql(f"SELECT * FROM {table}").all())  # noqa: S608
            assert secret[6:] not in rows
    assert receiver.url not in rows, "the address of a chat is a key to it: the log goes along in an export"


def test_what_is_old_is_forgotten(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen, clock: FrozenClock
) -> None:
    subscribe(receiver.url)
    happen("clicked")
    tell_webhooks(workspace)
    clock.at += timedelta(days=29)
    sending.purge(workspace)
    assert len(messages(workspace)) == 1
    clock.at += timedelta(days=2)
    sending.purge(workspace)
    assert messages(workspace) == []


def test_a_copy_behind_its_fence_tells_nobody(
    workspace: Workspace, receiver: Receiver, subscribe: Subscribe, happen: Happen
) -> None:
    subscribe(receiver.url)
    happen("clicked")
    workspace.fence.close("this workspace was copied")
    assert tell_webhooks(workspace) == 0
    assert receiver.got == []
    workspace.fence.accept()
    assert tell_webhooks(workspace) == 1
