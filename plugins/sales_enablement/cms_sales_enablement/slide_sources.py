"""Where presentations come from beside files: places that plugins know (``hookspecs.register_slide_sources``)."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cms_core import CmsError, NotFound, Services, TryLater

log = logging.getLogger(__name__)

MOST = 500


@dataclass(frozen=True)
class SlideSource:
    """A place with presentations: what it holds, as (key, title), and one of them by its key, as (file name, bytes)."""

    name: str
    label: str
    listed: Callable[[], Iterable[tuple[str, str]]]
    fetch: Callable[[str], tuple[str, bytes]]


def sources(svc: Services) -> list[SlideSource]:
    """All places, by label."""
    found = [SlideSource(**each) for _, each in svc.ask("register_slide_sources", dict)]
    return sorted(found, key=lambda each: each.label.casefold())


def find(svc: Services, name: str) -> SlideSource:
    """One place by its name; raises NotFound that lists what there is."""
    found = sources(svc)
    for each in found:
        if each.name == name:
            return each
    there = ", ".join(each.name for each in found)
    raise NotFound(
        f"there is no place {name[:80]!r}", f"there are {there}" if there else "no plugin brings any"
    )


def listed(svc: Services, name: str) -> Sequence[tuple[str, str]]:
    """What a place holds; raises TryLater when it cannot tell."""
    source = find(svc, name)
    try:
        return [(str(key), str(title)) for key, title in source.listed()][:MOST]
    except CmsError:
        raise
    except Exception as fault:
        raise _fault(source, fault) from fault


def fetch(svc: Services, name: str, key: str) -> tuple[str, bytes]:
    """A presentation as (file name, bytes), to be taken in as any file is; asked for outside of transactions."""
    source = find(svc, name)
    try:
        filename, data = source.fetch(key)
    except CmsError:
        raise
    except Exception as fault:
        raise _fault(source, fault) from fault
    return str(filename)[:200] or "presentation.pptx", bytes(data)


def _fault(source: SlideSource, fault: Exception) -> TryLater:
    log.warning("the slide source %s failed: %r", source.name, fault)
    return TryLater(f"{source.label} did not answer", "try again; the log says more")
