"""For tests of the REST interface, the core's and a plugin's: callers with a token of a role.

``call = caller_of(app, "marketer", "content:read")``, then ``call("POST", "/segments", {"name": …})``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from cms_core.workspace import Workspace

V1 = "/api/v1"


class Caller:
    """Calls the REST interface with one token."""

    def __init__(self, client: "FlaskClient", token: str) -> None:
        self.client = client
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None, **kwargs: Any) -> "TestResponse":
        headers = {"Authorization": f"Bearer {self.token}", **kwargs.pop("headers", {})}
        if body is not None:
            kwargs["json"] = body
        return self.client.open(V1 + path, method=method, headers=headers, buffered=True, **kwargs)

    def again(self, path: str, body: Any = None, **kwargs: Any) -> "TestResponse":
        """Send a POST twice under one key; the answer, which must be the same both times, and done once."""
        headers = {"Idempotency-Key": path}
        first, second = (self("POST", path, body, headers=headers, **kwargs) for _ in range(2))
        assert second.headers.get("Idempotency-Replayed") == "true", second.text
        assert (first.status_code, first.data) == (second.status_code, second.data)
        return first


def token_of(workspace: "Workspace", role: str, *scopes: str, expires: str = "") -> str:
    """A token of the user with this role (of ``add_people``), with scopes; without any it reaches what the role does."""
    from cms_core.auth import service, tokens

    with workspace.db.transaction() as session:
        owner = service.find_user(session, f"{role}@example.com")
        _, text = tokens.add(session, workspace.plugins, owner, owner, scopes=scopes, expires=expires)
        return text


def caller_of(app: "Flask", role: str, *scopes: str) -> Caller:
    """A caller whose token has this role and these scopes; what breaks in the app is raised in the test."""
    app.testing = True
    return Caller(app.test_client(), token_of(app.extensions["cms"], role, *scopes))
