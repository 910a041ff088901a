"""A test client that fills in forms as a person's browser does: it takes the CSRF token from the page that it is on."""

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


class FormClient(FlaskClient):
    """Set it as ``app.test_client_class``."""

    def token(self, page: str) -> str:
        """The CSRF token of a page that has a form."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page).text)
        assert found, f"{page} has no form"
        return found[1]

    def submit(self, url: str, data: dict[str, str], page: str | None = None) -> TestResponse:
        """Post a form to ``url`` with the token of ``page`` (default: the same address)."""
        return self.post(url, data={**data, "csrf_token": self.token(page or url)})

    def sign_in(self, email: str, password: str, **more: str) -> TestResponse:
        """Fill in the sign-in form."""
        return self.submit("/app/login", {"email": email, "password": password, **more})
