"""``startup``: what ``cms --help`` costs against importing the five packages that the product is built on."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from measure import Row, compare, take_turns

GOAL = 0.30
ROUNDS = 9
QUICK = {"ROUNDS": 1}
PACKAGES = "import flask, sqlalchemy.orm, marshmallow, pluggy, apscheduler.schedulers.background"


def rows() -> list[Row]:
    """Whole processes, fresh interpreters, wall time."""
    cases: dict[str, Callable[[], float]] = {
        "help": lambda: _seconds([sys.executable, "-m", "cms_core.cli", "--help"]),
        "packages": lambda: _seconds([sys.executable, "-c", PACKAGES]),
    }
    for warm_up in cases.values():
        warm_up()
    found = take_turns(cases, ROUNDS)
    row = compare(
        "startup",
        found["help"],
        found["packages"],
        unit="s",
        against="importing five packages",
        goal=GOAL,
        at_most=True,
    )
    return [row]


def _seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
