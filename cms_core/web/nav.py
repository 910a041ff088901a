"""The side navigation: the core's items, then those of plugins, filtered by what the viewer may do."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from flask import url_for
from werkzeug.routing import BuildError

from cms_core.contract import NavItem

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """One link of the navigation; ``plugin`` names who added it, ``tab`` puts it into the phone's tab bar."""

    label: str
    url: str
    icon: str
    permission: str = ""
    shortcut: str = ""
    tab: bool = False
    plugin: str = ""
    count: int = 0
    hot: bool = False
    current: bool = False


@dataclass
class Group:
    """Items under one heading; the first group has none."""

    label: str
    items: list[Item] = field(default_factory=list)


PLAN = "Plan"
MOST_TABS = 4
CORE: tuple[tuple[str, tuple[Item, ...]], ...] = (
    (
        PLAN,
        (
            Item("Calendar", "/app/calendar", "calendar-days", "calendar.read", "g c", tab=True),
            Item("Campaigns", "/app/campaigns", "megaphone", "calendar.read", "g p", tab=True),
            Item("Notices", "/app/notices", "bell", "", "g i", hot=True),
        ),
    ),
    (
        "Create",
        (
            Item("Content", "/app/content", "library", "content.read", "g l", tab=True),
            Item("Approvals", "/app/content?state=in_review", "check-check", "content.approve", "g a"),
        ),
    ),
    (
        "Audience",
        (
            Item("Contacts", "/app/contacts", "contact", "audience.read", "g o"),
            Item("Segments", "/app/segments", "users", "audience.read", "g s"),
        ),
    ),
    ("Measure", (Item("Reports", "/app/reports", "chart-column-big", "reports.read", "g r", tab=True),)),
    (
        "System",
        (
            Item("Publications", "/app/publications", "send", "calendar.read", "g u"),
            Item("Limits", "/app/limits", "calendar-clock", "connections.edit"),
            Item("Connections", "/app/connections", "key-round", "connections.edit", "g n"),
            Item("Webhooks", "/app/webhooks", "share-2", "system.admin", "g w"),
            Item("Plugins", "/app/plugins", "plug", "system.admin", "g x"),
            Item("People", "/app/users", "user-cog", "system.admin", "g e"),
            Item("Mail", "/app/mail", "mail", "system.admin", "g m"),
            Item("Audit log", "/app/audit", "scroll-text", "system.admin", "g t"),
        ),
    ),
)


def plugin_item(plugin: str, item: NavItem) -> Item | None:
    """The plugin's entry as an item, or None (and a line in the log) when its endpoint does not exist."""
    try:
        url = item.endpoint if item.endpoint.startswith("/") else url_for(item.endpoint)
    except BuildError:
        log.warning(
            "plugin %s: navigation item %r names the unknown endpoint %r", plugin, item.label, item.endpoint
        )
        return None
    return Item(item.label, url, item.icon, item.permission, item.shortcut, item.tab, plugin)


def is_current(url: str, path: str) -> bool:
    """Whether the page at ``path`` is this item's page or one below it."""
    return path == url or path.startswith(url.rstrip("/") + "/")


def build_nav(
    can: Callable[[str], bool],
    path: str,
    plugin_items: Iterable[tuple[str, NavItem]] = (),
    counts: Mapping[str, int] | None = None,
) -> list[Group]:
    """Groups in their order with what the viewer may open; ``counts`` by label stand beside the items.

    The item with the longest address that fits the path is the current one.
    """
    groups = {label: Group(label, list(items)) for label, items in CORE}
    for plugin, contributed in plugin_items:
        if (item := plugin_item(plugin, contributed)) is not None:
            groups.setdefault(contributed.group, Group(contributed.group)).items.append(item)
    allowed = [
        Group(g.label, [i for i in g.items if not i.permission or can(i.permission)]) for g in groups.values()
    ]
    fitting = [item.url for group in allowed for item in group.items if is_current(item.url, path)]
    here = max(fitting, key=len, default=None)
    wanted = sorted((i for g in allowed for i in g.items if i.tab), key=lambda item: bool(item.plugin))
    tabs = [item.url for item in wanted[:MOST_TABS]]
    for group in allowed:
        group.items = [
            replace(
                item, current=item.url == here, tab=item.url in tabs, count=(counts or {}).get(item.label, 0)
            )
            for item in group.items
        ]
    return [group for group in allowed if group.items]
