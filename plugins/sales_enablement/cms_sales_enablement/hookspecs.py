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


@hookspec
def register_deck_blocks() -> Iterable[Json]:
    """Kinds of slides that reps tell and do not draw, beside title, bullets, quote, image, table, chart and case-study.

    Each answer has the keys ``name`` (lower case), ``label``, ``schema`` (a marshmallow Schema class: its fields are the form) and
    ``compose(svc, told)``: from what was told it makes what the slide holds, of ``title``, ``subtitle``, ``lines`` (a tuple, a tab
    for each level), ``quote`` and ``by``, ``notes`` and ``opening`` (True: on the layout of title slides), and one of ``picture``
    (bytes of a PNG or JPEG) with ``alt``, ``rows`` (of texts) and ``chart`` (``{"categories": …, "series": [{"name", "values"}]}``,
    ``chart_kind`` column, bar, line or pie). It is poured into the layouts of the presentation; texts may hold fields. ``compose``
    is called whenever the deck is looked at: read, do not fetch.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def register_slide_sources() -> Iterable[Json]:
    """Places that presentations can be taken in from, beside files: a file store, a media library.

    Each answer has the keys ``name`` (lower case), ``label``, ``listed()`` → pairs of key and title, and ``fetch(key)`` → the name
    and the bytes of a .pptx file, which is read and checked as any file is. Both may take their time, but set a time limit.

    .. versionadded:: 0.1
    """
    return ()
