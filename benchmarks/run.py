"""Runs the benchmarks: ``python benchmarks/run.py [--only NAME] [--json]``.

A missed goal is told in its row, not by the exit code: on a busy machine it says little.
"""

import argparse
import gc
import importlib
import json
import os
import platform
from collections.abc import Callable

from measure import Row, say

from cms_core.cli import OBJECTS_BETWEEN_COLLECTIONS

GROUPS = ("startup", "mail", "dispatch", "hit", "calendar", "import", "segments", "reports", "decks", "idle")
MODULES = {"calendar": "month", "import": "importing"}  # Python has a calendar and an import of its own


def main() -> None:
    """Print the rows that were asked for, as a table or as one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "only_names", nargs="*", metavar="NAME", help=f"what to run: {', '.join(GROUPS)}, or a row"
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="the same")
    parser.add_argument(
        "--quick", action="store_true", help="only to see that everything runs; its figures say nothing"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args()
    wanted = [*arguments.only_names, *arguments.only]
    groups = [name for name in GROUPS if not wanted or any(each.split("-")[0] == name for each in wanted)]
    if not groups:
        parser.error(f"there is no benchmark {wanted[0]!r}; there are {', '.join(GROUPS)}")
    _header()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)  # as cms does; for both sides
    rows = [row for name in groups for row in _benchmark(name, quick=arguments.quick)()]
    picked = [row for row in rows if not wanted or row.name in wanted or row.name.split("-")[0] in wanted]
    print(json.dumps([row.document() for row in picked], indent=2) if arguments.json else _table(picked))


def _benchmark(name: str, *, quick: bool) -> Callable[[], list[Row]]:
    module = importlib.import_module(MODULES.get(name, name))
    if quick:
        vars(module).update(module.QUICK)
    rows: Callable[[], list[Row]] = module.rows
    return rows


def _header() -> None:
    import dispatch
    import load
    import mail
    import senders

    tools = {"smtp-sink": mail.SMTP_SINK, "smtp-source": senders.SMTP_SOURCE, "wrk": load.WRK}
    missing = [name for name, path in tools.items() if path is None]
    peers = {
        "Django": senders.has_django(),
        "nodemailer": senders.has_nodemailer(),
        "huey on Redis": dispatch.has_huey(),
    }
    missing += [name for name, there in peers.items() if not there]
    say(
        f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    say(
        f"not installed: {', '.join(missing)} (rows of theirs are left out, or stand-ins are used)"
        if missing
        else ""
    )


def _table(rows: list[Row]) -> str:
    lines = [("", "ours", "baseline", "ratio", "goal", "round by round", "against")]
    for row in rows:
        sign = "≤" if row.at_most else "≥"
        goal = "" if row.goal is None else f"{sign} {row.goal:g} {'ok' if row.ok else 'MISSED'}"
        spread = f"{row.spread[0]:.2f}–{row.spread[1]:.2f}" if row.spread else ""
        ours, theirs = f"{row.ours:.4g} {row.unit}", f"{row.baseline:.4g} {row.unit}"
        lines.append((row.name, ours, theirs, f"{row.ratio:.2f}", goal, spread, row.against))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


if __name__ == "__main__":
    main()
