"""Time zones: which names are taken, which are refused, and whose rules are in use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cms_core import zones
from cms_core.campaigns.when import WhenError, rules_version, zone, zone_names

from .times import wall


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("europe/paris", "did you mean Europe/Paris?"),
        ("paris", "did you mean Europe/Paris?"),
        ("new york", "did you mean America/New_York?"),
        ("Europe/Pariss", "did you mean Europe/Paris?"),
        ("Qwertyuiop", "use an IANA name such as Europe/Paris or UTC"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest(name: str, remedy: str) -> None:
    with pytest.raises(WhenError, match="not a time zone") as caught:
        zone(name)
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "Factory",
        "posixrules",
        "right/UTC",
        "Europe",
        "UTC\0",
        "x" * 9999,
    ],
)
def test_odd_keys_are_no_zones(name: str) -> None:
    with pytest.raises(WhenError):
        zone(name)


def test_every_accepted_zone_has_rules() -> None:
    assert len(zone_names()) > 590
    assert all(zone(name).utcoffset(wall("2026-05-04T09:00")) is not None for name in zone_names())


def test_the_version_of_the_rules_is_the_one_of_the_files_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "+VERSION").write_text("2031c\n")
    monkeypatch.setattr("zoneinfo.TZPATH", (str(tmp_path / "none"), str(tmp_path)))
    zones.rules_version.cache_clear()
    assert rules_version() == "2031c"
    (tmp_path / "tzdata.zi").write_text("# version 2031d\n# ddeps\n")
    zones.rules_version.cache_clear()
    assert rules_version() == "2031d"
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    zones.rules_version.cache_clear()
    assert rules_version() == __import__("tzdata").IANA_VERSION
    zones.rules_version.cache_clear()


def test_the_zone_of_the_process_does_not_matter() -> None:
    code = (
        "from cms_core.campaigns.when import *; from cms_core.campaigns.recurrence import expand\n"
        "when = parse_when('2026-03-29 02:30', 'Europe/Berlin'); print(resolve(when), describe(when, 'Asia/Tokyo'))\n"
        "print(list(expand('FREQ=HOURLY', parse_wall('2026-10-25 00:30'), 'Europe/Berlin', 5)))\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "TZ": tz}, capture_output=True, check=True
        ).stdout
        for tz in ("UTC", "America/New_York", "Europe/Berlin")
    }
    assert len(seen) == 1
