"""The hooks that this plugin brings: implement them with ``@hookimpl(optionalhook=True)``."""

from collections.abc import Iterable

from cms_core import Json, hookspec


@hookspec
def deck_subjects(named: str) -> Iterable[Json]:
    """What your plugin knows under this id or name that a deck could be for (a deal); nothing where it knows none.

    Each answer has the keys ``kind`` (a word for people: "deal"), ``id`` and ``title``, and where it has them ``company`` and
    ``contact`` (ids of the core's) and ``values`` by merge field (``{"deal.amount": 48000}``): plain, so that a plugin which
    answers need not import this one.

    .. versionadded:: 0.1
    """
    return ()
