"""What docs/notices.md says is run; what it says of kinds and times is so."""

import json
from datetime import timedelta
from pathlib import Path

from cms_core.notices import gathering, kinds, links, outbox, posting, raising, resets, sources
from cms_core.notices.models import Purpose
from tests.test_docs import ROOT, play, run

from .conftest import Mailbox


def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path, mailbox: Mailbox) -> None:
    environ = {
        "CMS_HOME": str(tmp_path / "ws"),
        "CMS_OUTBOUND_ALLOW": "127.0.0.1",
        "CMS_MAIL_URL": f"smtp://127.0.0.1:{mailbox.port}?security=none",
        "CMS_MAIL_FROM": "cms@example.com",
    }
    printed = play("notices.md", tmp_path, environ)
    assert "took a mail" in printed["cms mail test you@example.com"]
    assert [address for address, _ in mailbox.mails] == ["you@example.com"]
    assert printed["cms users reset-link you@example.com"].startswith("http://127.0.0.1:8000/app/reset/")
    told = json.loads(run("cms webhooks list --json", tmp_path, environ))
    assert [(row["kinds"], row["chat"]) for row in told] == [(["notice"], True), (["notice"], False)]


def test_the_table_names_every_kind_and_the_times_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "notices.md").read_text(encoding="utf-8")
    told = {"now": "at once", "daily": "once a day"}
    for kind in kinds.CORE.values():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| {kind.label} |")]
        assert line.endswith(f"| {told[kind.default]} |")
    assert {Purpose.INVITATION: timedelta(days=7), Purpose.RESET: timedelta(hours=1)} == links.LIVES
    assert (3, timedelta(hours=1)) == (resets.MOST_LINKS, resets.PER)
    assert (posting.GATHERED, raising.DAILY_AT.hour) == (timedelta(minutes=10), 8)
    assert (sources.CREDENTIALS_END_WITHIN.days, sources.TOKEN_ENDS_WITHIN.days) == (14, 7)
    assert (gathering.KEPT.days, outbox.KEPT.days) == (90, 30)
