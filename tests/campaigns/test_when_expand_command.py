"""``cms calendar expand``: when a series falls, without a workspace."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result

from cms_core.campaigns.when import WhenError
from cms_core.cli.expand import expand

BERLIN = ["--rrule", "FREQ=DAILY", "--start", "2026-03-28 02:30", "--tz", "Europe/Berlin", "--count", "3"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(expand, list(arguments))


def test_json_gives_instants_with_the_offset_of_the_zone_and_in_utc() -> None:
    result = run(*BERLIN, "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [(row["local"], row["when"], row["utc"]) for row in rows] == [
        ("2026-03-28 02:30", "2026-03-28T02:30:00+01:00", "2026-03-28T01:30:00Z"),
        ("2026-03-29 02:30", "2026-03-29T03:00:00+02:00", "2026-03-29T01:00:00Z"),
        ("2026-03-30 02:30", "2026-03-30T02:30:00+02:00", "2026-03-30T00:30:00Z"),
    ]
    assert [bool(row["note"]) for row in rows] == [False, True, False]
    for row in rows:
        assert datetime.fromisoformat(row["when"]).astimezone(UTC) == datetime.fromisoformat(row["utc"])


def test_people_get_a_line_for_each_with_the_zone_and_what_a_clock_change_did() -> None:
    lines = run(*BERLIN).stdout.splitlines()
    assert lines[0] == "Sat 28 Mar 2026, 02:30 (Europe/Berlin)"
    assert lines[1].startswith("Sun 29 Mar 2026, 03:00 (Europe/Berlin)  2026-03-29 02:30 does not exist")


def test_ten_are_listed_unless_asked_otherwise() -> None:
    assert len(json.loads(run(*BERLIN[:-2], "--json").stdout)) == 10


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--rrule", "FREQ=NEVER"),
        ("--start", "2026-03-28T02:30Z"),
        ("--tz", "Europe/Berlinn"),
        ("--count", "100001"),
    ],
)
def test_bad_input_is_an_error_with_a_remedy(option: str, value: str) -> None:
    result = run(*BERLIN, option, value, "--json")
    assert isinstance(result.exception, WhenError)
    assert result.exception.remedy
    assert result.stdout == ""


def test_a_count_below_one_is_a_usage_error() -> None:
    assert run(*BERLIN, "--count", "0").exit_code == 2


def test_the_command_needs_no_database() -> None:
    code = "import sys, cms_core.cli.expand; assert not {'sqlalchemy', 'flask', 'alembic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
