"""Publications in the app: seen with their attempts, and what a person may do about them."""

import pytest

from cms_core.contract import OutcomeUnknown, Refused
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, harm_in, signed_in, statements
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm, approve_words, people, shown
from tests.publishing.toys import Toys


@pytest.fixture
def marketer(workspace: Workspace) -> FormClient:
    add_people_beside_admin(workspace)
    app = app_of(workspace)
    app.testing = True
    return signed_in(app, "marketer")


def add_people_beside_admin(workspace: Workspace) -> None:
    from cms_core.auth.models import User

    with workspace.db.transaction() as session:
        for user in session.query(User):
            user.email = "first@example.com"
    add_people(workspace)


def do(client: FormClient, public_id: str, what: str, **data: str) -> int:
    page = f"/app/publications/{public_id}"
    return client.submit(f"{page}/{what}", data, page).status_code


def test_list_and_page_show_state_reason_and_attempts(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    toys.remote.before = [Refused('no <b onclick="x">such</b> page')]
    public_id = arm()
    worker.run_until_idle()
    with statements(workspace.db.engine) as counter:
        listed = marketer.get("/app/publications").text
    assert next(counter) <= 12
    page = marketer.get(f"/app/publications/{public_id}").text
    for text in (listed, page):
        assert "no &lt;b onclick=" in text
        assert "Failed" in text
        assert not harm_in(text)
    assert marketer.get("/app/publications?state=failed").text.count(public_id) == 1
    assert public_id not in marketer.get("/app/publications?state=published").text
    assert marketer.get("/app/publications?state=lost").status_code == 422


def test_failed_is_retried_with_one_press(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    toys.remote.before = [Refused("not today")]
    public_id = arm()
    worker.run_until_idle()
    assert do(marketer, public_id, "retry") == 303
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"


def test_unknown_is_settled_by_a_person(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    toys.remote.after = [OutcomeUnknown("no answer")]
    public_id = arm("once")
    worker.run_until_idle()
    assert "Nobody knows whether it went out" in marketer.get(f"/app/publications/{public_id}").text
    assert do(marketer, public_id, "retry") == 409
    assert do(marketer, public_id, "resolve", outcome="published", url="javascript:alert(1)") == 422
    assert do(marketer, public_id, "resolve", outcome="published", url="https://toy.example/seen") == 303
    assert shown(workspace, public_id)["url"] == "https://toy.example/seen"


def test_hold_resume_cancel(workspace: Workspace, arm: Arm, marketer: FormClient) -> None:
    public_id = arm()
    assert do(marketer, public_id, "hold", reason="wait for legal") == 303
    assert "wait for legal" in marketer.get(f"/app/publications/{public_id}").text
    assert do(marketer, public_id, "resume") == 303
    assert do(marketer, public_id, "cancel") == 303
    assert do(marketer, public_id, "resume") == 409
    assert shown(workspace, public_id)["state"] == "cancelled"


def test_update_and_withdraw_happen_at_once(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    public_id = arm()
    worker.run_until_idle()
    assert do(marketer, public_id, "update") == 422, "there are no newer approved words"
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "toy", "Better", "toy-hello")
    assert do(marketer, public_id, "update") == 303
    assert toys.remote.posts == {public_id: {"title": "Better"}}
    successor = shown(workspace, public_id)["superseded_by"]
    assert do(marketer, successor, "withdraw") == 303
    assert toys.remote.posts == {}


def test_progress_of_a_send_is_shown(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    people(workspace, 3)
    toys.letter.script["p1@example.com"] = ["unknown"]
    public_id = arm("letter")
    worker.run_until_idle()
    page = marketer.get(f"/app/publications/{public_id}").text
    assert "3 people addressed" in page
    assert "p1@example.com" in page
    assert "<html" not in marketer.get(f"/app/publications/{public_id}/progress").text


@pytest.mark.parametrize(("role", "code"), [("approver", 403), ("viewer", 403), ("rep", 403), ("admin", 303)])
def test_who_may_not_act_cannot(
    workspace: Workspace, arm: Arm, marketer: FormClient, role: str, code: int
) -> None:
    public_id = arm()
    client = signed_in(marketer.application, role)
    token = client.token("/app/me")
    answer = client.post(f"/app/publications/{public_id}/cancel", data={"csrf_token": token})
    assert answer.status_code == code
