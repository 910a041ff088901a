"""The benchmarks run: their figures are for quiet machines and people, but what they call must be there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "run.py"


@pytest.mark.parametrize(
    ("group", "always"),
    [
        ("startup", {"startup"}),
        ("mail", {"mail", "mail-1"}),
        ("hit", {"hit", "hit-kill"}),
        ("calendar", {"calendar", "calendar-orm"}),
        ("import", {"import", "import-orm"}),
        ("segments", {"segments", "segments-python"}),
        ("decks", {"decks-heavy", "decks-light", "decks-python-pptx-heavy", "decks-python-pptx-light"}),
        ("idle", {"idle"}),
        ("reports", {"reports", "reports-campaign", "reports-keep"}),
    ],
)
def test_a_quick_run_gives_every_row(group: str, always: set[str]) -> None:
    command = [sys.executable, str(SCRIPT), "--quick", "--json", group]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert always <= set(rows)
    assert all(rows[name]["ours"] > 0 for name in always - {"hit-kill"})
    if group == "hit":
        assert rows["hit-kill"]["ours"] == 0, "answered hits were lost"
