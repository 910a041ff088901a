"""FakeNetwork remembers every request and misbehaves as told."""

import json
from collections.abc import Iterator
from http.client import HTTPException

import pytest
import requests

from cms_core.testing.network import FAULTS, Answer, FakeNetwork, Request


@pytest.fixture
def made() -> list[str]:
    return []


@pytest.fixture
def network(made: list[str]) -> Iterator[FakeNetwork]:
    def respond(request: Request) -> Answer:
        made.append(request.path)
        return Answer(200, {"id": len(made)})

    with FakeNetwork(respond) as started:
        yield started


def post(network: FakeNetwork, path: str = "/statuses") -> requests.Response:
    return requests.post(
        network.url + path, json={"text": "hi"}, timeout=0.5, headers={"Connection": "close"}
    )


def test_answers_and_remembers(network: FakeNetwork, made: list[str]) -> None:
    assert post(network).json() == {"id": 1}
    assert network.requests[0].json == {"text": "hi"}
    assert made == ["/statuses"]


@pytest.mark.parametrize("do", sorted(FAULTS))
def test_every_fault_does_what_it_says(network: FakeNetwork, made: list[str], do: str) -> None:
    network.fault(do, on="POST /statuses", seconds=1.0, retry_after="7")
    try:
        answer = post(network)
        outcome: object = answer.status_code
    except (requests.RequestException, HTTPException):
        outcome = "broken"
    broken = {
        "drop",
        "accept-then-drop",
        "accept-then-reset",
        "accept-then-silence",
        "half-answer",
        "stall",
        "delay",
    }
    expected = "broken" if do in broken else {"refuse": 403, "busy": 429}.get(do, 200)
    assert outcome == expected
    done = {"drop": 0, "refuse": 0, "busy": 0, "lie": 0, "say": 0, "duplicate": 2}.get(do, 1)
    assert len(made) == done
    assert post(network).status_code == 200, "only the first one was faulty"


def test_nth_and_prefix_choose_the_request(network: FakeNetwork) -> None:
    network.fault("refuse", on="POST /statuses", nth=2, status=422)
    codes = [post(network, path).status_code for path in ("/statuses", "/media", "/statuses", "/statuses")]
    assert codes == [200, 200, 422, 200]


def test_unknown_fault_is_refused(network: FakeNetwork) -> None:
    with pytest.raises(ValueError, match="there is no fault"):
        network.fault("explode")


def test_garbage_is_no_json(network: FakeNetwork) -> None:
    network.fault("garbage")
    with pytest.raises(json.JSONDecodeError):
        json.loads(post(network).text)


class Shop:
    """A sandbox whose operations have names."""

    operations = {"publish": ("POST /goods", "PUT /goods/")}
    settings: dict[str, str] = {}

    def __call__(self, request: Request) -> Answer:
        return Answer(200, {"path": request.path})


def test_faults_may_name_an_operation_of_the_sandbox() -> None:
    with FakeNetwork(
        Shop(), [{"on": "publish", "nth": 2, "do": "say", "document": {"error": "sold"}}]
    ) as network:
        assert post(network, "/other").json() == {"path": "/other"}
        assert post(network, "/goods").json() == {"path": "/goods"}
        answer = requests.put(f"{network.url}/goods/1", timeout=1, headers={"Connection": "close"})
        assert (answer.status_code, answer.json()) == (200, {"error": "sold"})
