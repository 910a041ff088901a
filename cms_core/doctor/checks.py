"""All checks in their order. One that fails itself costs its own answer; those that ask the database wait until it answers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cms_core.doctor import database, house, machine, mail, publishing
from cms_core.doctor.findings import Finding, Look, error, has_error, note
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.secrets import conceal
from cms_core.workspace import Workspace


@dataclass(frozen=True)
class Check:
    """A check by its name. ``asks`` the tables: it is left out where they cannot be used; ``network``: left out offline."""

    name: str
    look: Look
    asks: bool = True
    network: bool = False


# The others are only asked when these two have found no error.
FOUNDATIONS = (Check("database", database.reached, asks=False), Check("migrations", database.migrated))
CHECKS = (
    Check("python", machine.python, asks=False),
    *FOUNDATIONS,
    Check("clock", machine.clock),
    Check("zones", machine.zones),
    Check("disk", machine.disk, asks=False),
    Check("secrets", house.secrets),
    Check("fence", house.fence),
    Check("plugins", house.plugins, asks=False),
    Check("media", house.media),
    Check("worker", publishing.worker),
    Check("due", publishing.due),
    Check("publications", publishing.publications),
    Check("connections", publishing.connections),
    Check("mail", mail.sender_domains, network=True),
)


def examine(workspace: Workspace, *, offline: bool = False) -> list[Finding]:
    """Look at everything; never raises for what is wrong with the workspace."""
    found: list[Finding] = []
    usable = True
    for check in CHECKS:
        if check.asks and not usable:
            answers = [note("not looked at: the database cannot be used")]
        elif check.network and offline:
            answers = [note("not looked up: offline")]
        else:
            answers = list(_answers(check, workspace))
        if check in FOUNDATIONS:
            usable = usable and not has_error(answers)
        found += [replace(each, check=check.name) for each in answers]
    return found


def _answers(check: Check, workspace: Workspace) -> Iterator[Finding]:
    try:
        yield from check.look(workspace)
    except PLUGIN_FAULTS as fault:
        words = conceal(" ".join(f"{type(fault).__name__}: {fault}".split()), workspace.hidden())
        remedy = "look at the other findings first; if they are in order, report this with CMS_TRACE=1"
        yield error(f"the check itself failed: {words}", remedy)
