"""What reps put into a deck beside the slides of its presentation: slides of others of the brand, and slides that they tell."""

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from marshmallow import Schema, fields
from pptx import Presentation

from cms_core import hookimpl
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.errors import Conflict, Forbidden, Invalid, NotFound
from cms_core.migrations import upgrade
from cms_core.services import Services
from cms_core.testing.client import FormClient
from cms_core.workspace import open_workspace
from cms_sales_enablement import (
    blocks,
    builder,
    deck_files,
    decks,
    material,
    own_slides,
    pictures,
    presentations,
    ready_files,
    rules,
    slide_sources,
    training,
    usage,
)
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Deck

from .decks import changed, make, picture, swap

AT = "/app/p/sales_enablement/decks"
LAYOUT = {"ppt/slideLayouts/slideLayout2.xml": swap(b'name="Title and Content"', b'name="Elsewhere"')}


@pytest.fixture
def template(desk: Any, tmp_path: Path) -> str:
    return add(desk, make(tmp_path / "Pitch.pptx", 3))


@pytest.fixture
def other(desk: Any, template: str, tmp_path: Path) -> str:
    return add(desk, make(tmp_path / "Pricing.pptx", 5))


@pytest.fixture
def deck(rep: Services, template: str) -> Deck:
    return decks.make(rep, template, Wanted(("258", "256"), {"company.name": "Acme"}))


def add(desk: Any, path: Path, **more: str) -> str:
    """Take a file in and approve it."""
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name, **more)
    desk.approve(found.saved.slug)
    return found.saved.slug


def titles(rep: Services, deck: Deck, folder: Path) -> list[str]:
    """The first words of each slide of the file."""
    deck_files.write(rep, deck, folder / "out.pptx")
    slides = Presentation(str(folder / "out.pptx")).slides
    return [next(each.text_frame.text for each in slide.shapes if each.has_text_frame) for slide in slides]


# --- slides of other presentations ------------------------------------------------------------------------------------------


def test_slides_of_several_presentations_stand_in_one_deck(
    rep: Services, template: str, other: str, tmp_path: Path
) -> None:
    deck = decks.make(rep, template, Wanted(("257", f"{other}:260", "256", f"{other}:257")))
    assert titles(rep, deck, tmp_path) == ["Slide 2", "Slide 5", "Slide 1", "Slide 2"]
    asset = rep.asset(other).id
    assert [each.uid for each in deck.slides] == ["257", f"{asset}:260", "256", f"{asset}:257"]
    assert [each.title for each in builder.of(rep, deck).shown] == [
        "Slide 2",
        "Slide 5",
        "Slide 1",
        "Slide 2",
    ]
    again = decks.make(rep, deck.public_id, Wanted(name="Again"))
    assert [each.uid for each in again.slides] == [each.uid for each in deck.slides]


def test_fields_of_all_slides_are_filled_and_missed(rep: Services, template: str, other: str) -> None:
    deck = decks.make(rep, template, Wanted((f"{other}:257",), {"deal.amount": "9"}))
    assert deck_files.look(rep, deck).copied.missing == ("company.name",)


def test_a_slide_on_a_foreign_layout_is_refused_and_not_offered(
    desk: Any, rep: Services, template: str, deck: Deck, tmp_path: Path
) -> None:
    odd = add(desk, changed(make(tmp_path / "x.pptx", 2), tmp_path / "Odd.pptx", LAYOUT))
    with pytest.raises(Invalid, match="layout 'Elsewhere'"):
        decks.make(rep, template, Wanted((f"{odd}:256",)))
    offer = own_slides.offer(rep, deck, odd)
    assert (offer.slides, offer.unfit) == ([], 2)


def test_what_is_not_there_is_named(rep: Services, template: str, other: str) -> None:
    for pick, said in (
        (f"{other}:999", "no slide '999'"),
        ("nothing:256", "no approved presentation"),
        ("block-1", "no slide"),
    ):
        with pytest.raises((Invalid, NotFound), match=said):
            decks.make(rep, template, Wanted((pick,)))


def test_rules_of_the_other_presentation_bar_and_do_not_oblige(
    desk: Any, rep: Services, template: str, other: str, deck: Deck
) -> None:
    marketer = desk.services("marketer")
    kept = presentations.find(marketer, other)
    rules.set_rule(marketer, kept, "256", {"forbidden": True})
    rules.set_rule(marketer, kept, "257", {"locked": True})
    with pytest.raises(Invalid, match="forbidden"):
        decks.make(rep, template, Wanted((f"{other}:256",)))
    assert [each.uid for each in own_slides.offer(rep, deck, other).slides] == ["257", "258", "259", "260"]
    assert len(decks.make(rep, template, Wanted(("256", f"{other}:258"))).slides) == 2
    found = own_slides.add_slides(rep, deck.public_id, [f"{other}:258"], "258")
    rules.set_rule(marketer, kept, "258", {"forbidden": True})
    written = deck_files.look(rep, decks.find(rep, found.public_id))
    assert [each.code for each in written.findings] == ["slide_forbidden"]


def test_its_certificate_is_asked_for(desk: Any, rep: Services, template: str, other: str) -> None:
    desk.write("lesson")
    said = {
        "name": "Prices", "lessons": ["lesson"], "guards": [other], "pass_percent": 80, "valid_days": None,
        "due_on": None, "questions": [{"question": "?", "options": ["*a", "b"]}],
    }  # fmt: skip
    training.create(desk.services("marketer"), said)
    with pytest.raises(Forbidden, match="Prices"):
        decks.make(rep, template, Wanted((f"{other}:256",)))


def test_a_presentation_that_is_gone_leaves_its_slides_out(
    desk: Any, rep: Services, other: str, deck: Deck, tmp_path: Path
) -> None:
    found = own_slides.add_slides(rep, deck.public_id, [f"{other}:257"], "258")
    assert titles(rep, found, tmp_path) == ["Slide 3", "Slide 2", "Slide 1"]
    desk.archive(other)
    assert titles(rep, found, tmp_path) == ["Slide 3", "Slide 1"]
    (finding,) = deck_files.look(rep, found).findings
    assert (finding.code, f"no approved presentation {other!r}" in finding.message) == ("slide_gone", True)
    assert builder.of(rep, found).gone == 1


def test_a_new_version_of_the_other_one_names_the_deck(
    desk: Any, rep: Services, other: str, deck: Deck, tmp_path: Path
) -> None:
    found = own_slides.add_slides(rep, deck.public_id, [f"{other}:257"])
    path = changed(
        make(tmp_path / "p.pptx", 5),
        tmp_path / "Pricing2.pptx",
        {"ppt/slides/slide2.xml": swap(b"Slide 2", b"Slide II")},
    )
    added = presentations.add(desk.services("marketer"), path.read_bytes(), path.name, replaces=other)
    assert [each.public_id for each in added.behind] == [found.public_id]
    desk.approve(other)
    page = builder.of(rep, decks.find(rep, found.public_id))
    assert page.changed == {found.slides[-1].uid}
    assert page.shown[-1].title == "Slide II"


def test_use_is_counted_for_the_presentation_that_a_slide_is_of(
    desk: Any, rep: Services, other: str, deck: Deck
) -> None:
    own_slides.add_slides(rep, deck.public_id, [f"{other}:257"])
    used = {each.uid: each.decks for each in usage.of_slides(rep, presentations.find(rep, other))}
    assert used == {"256": 0, "257": 1, "258": 0, "259": 0, "260": 0}
    own = {each.uid: each.decks for each in usage.of_slides(rep, presentations.find(rep, "pitch"))}
    assert own == {"256": 1, "257": 0, "258": 1}


# --- slides that are told -----------------------------------------------------------------------------------------------------


def test_a_told_slide_stands_where_it_was_put_and_is_told_anew(
    rep: Services, deck: Deck, tmp_path: Path
) -> None:
    told = {"title": "For {{ company.name }}", "lines": "One\n  deeper\n- Two"}
    found, ref = own_slides.add_block(rep, deck.public_id, "bullets", told, after="258")
    assert titles(rep, found, tmp_path) == ["Slide 3", "For Acme", "Slide 1"]
    (slide,) = [each for each in builder.of(rep, found).shown if each.uid == ref]
    assert (slide.title, list(slide.lines)) == ("For Acme", ["One", "deeper", "Two"])
    again = own_slides.change_block(rep, found.public_id, ref, {"title": "Ours"})
    assert titles(rep, again, tmp_path) == ["Slide 3", "Ours", "Slide 1"]
    assert own_slides.block(again, ref)["data"]["lines"] == told["lines"]
    left = decks.change(rep, found.public_id, Wanted(("256",)))
    assert [each.uid for each in left.slides] == ["256"]
    with pytest.raises(NotFound):
        own_slides.change_block(rep, found.public_id, ref, {"title": "x"})


@pytest.mark.parametrize(
    ("kind", "told", "said"),
    [
        ("novel", {}, "no kind of block"),
        ("bullets", {"title": "x"}, "lines"),
        ("bullets", {"title": "x", "lines": "y", "colour": "red"}, "colour"),
        ("table", {"rows": "a,b\n" * 31}, "1 to 30 rows"),
        ("chart", {"figures": "Quarter,Cost\nQ1,nine"}, "no number"),
        ("chart", {"figures": "Quarter,A,B\nQ1,1,2", "chart_kind": "pie"}, "one series"),
        ("image", {"picture": "0" * 64, "alt": "x"}, "not there"),
        ("case-study", {"asset": "nothing"}, "no approved content"),
    ],
)
def test_what_no_slide_can_be_made_of_is_refused(
    rep: Services, deck: Deck, kind: str, told: dict[str, str], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        own_slides.add_block(rep, deck.public_id, kind, told)
    assert decks.find(rep, deck.public_id).version == deck.version


def test_a_conflict_leaves_nothing_behind(rep: Services, deck: Deck) -> None:
    wanted = Wanted(subject="Brand new company", name="Mine")
    with pytest.raises(Conflict):
        decks.change(rep, deck.public_id, wanted, deck.version + 1)
    assert rep.find_company("Brand new company") is None


def test_a_case_study_says_what_is_approved_when_the_deck_is_written(
    desk: Any, rep: Services, deck: Deck, tmp_path: Path
) -> None:
    desk.write(
        "calm", "Long ago.\n\n- Saved **9** hours\n- No stress", title="Calm at Acme", summary="How they did"
    )
    found, ref = own_slides.add_block(rep, deck.public_id, "case-study", {"asset": "calm"})
    (slide,) = [each for each in builder.of(rep, found).shown if each.uid == ref]
    assert (slide.title, list(slide.lines)) == (
        "Calm at Acme",
        ["How they did", "Saved 9 hours", "No stress"],
    )
    before = material.of_deck(rep, found).digest(ref)
    desk.write("calm", "One. Two. Three. Four.", title="Calmer")
    (slide,) = [each for each in builder.of(rep, found).shown if each.uid == ref]
    assert (slide.title, list(slide.lines)) == ("Calmer", ["One.", "Two.", "Three."])
    assert material.of_deck(rep, found).digest(ref) != before
    assert ref in builder.of(rep, found).changed
    desk.archive("calm")
    assert titles(rep, found, tmp_path) == ["Slide 3", "Slide 1"]


def test_the_same_words_look_the_same(rep: Services, template: str) -> None:
    told = blocks.checked(rep, "chart", {"figures": "Q,A\nQ1,1", "title": "x"})
    made = [decks.make(rep, template, Wanted(("256",), blocks={"block-1": told})) for _ in range(2)]
    ready_files._composed.cache_clear()
    keys = {pictures.key_of(material.of_deck(rep, deck).by_ref["block-1"], deck) for deck in made}
    assert len(keys) == 1


def test_a_deck_of_blocks_alone(rep: Services, template: str, tmp_path: Path) -> None:
    told = {
        "block-a": blocks.checked(rep, "title", {"title": "Hello"}),
        "block-b": blocks.checked(rep, "quote", {"quote": "Yes", "by": "Dana"}),
    }
    deck = decks.make(rep, template, Wanted(("block-b", "block-a"), blocks=told))
    assert titles(rep, deck, tmp_path)[1] == "Hello"


def test_pictures_for_fields_are_put_in_and_taken_away(rep: Services, desk: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "plain.pptx", 1)
    deck = Presentation(str(path))
    deck.slides[0].shapes[2].name = "{{ team.photo }}"
    deck.save(str(path))
    slug = add(desk, path)
    made = decks.make(rep, slug, Wanted(pictures={"team.photo": picture((9, 5), "PNG")}))
    assert "team.photo" not in deck_files.look(rep, made).copied.missing
    (row,) = [each for each in builder.of(rep, made).fields if each.name == "team.photo"]
    assert (row.kind, row.value, row.missing) == ("picture", "one is kept", False)
    again = decks.change(rep, made.public_id, Wanted(pictures={"team.photo": ""}))
    assert "team.photo" in deck_files.look(rep, again).copied.missing
    with pytest.raises(Invalid, match=r"team\.photo"):
        decks.change(rep, made.public_id, Wanted(pictures={"team.photo": "0" * 64}))


# --- in the browser -----------------------------------------------------------------------------------------------------------


def test_pages_of_told_slides(as_role: Callable[[str], FormClient], rep: Services, deck: Deck) -> None:
    client, at = as_role("rep"), f"{AT}/{deck.public_id}"
    assert "Case study" in client.get(f"{at}/blocks/new").text
    assert "Points" in client.get(f"{at}/blocks/new?type=bullets").text
    assert client.submit(f"{at}/blocks/new?type=bullets", {"title": "x"}).status_code == 422
    sent = {"title": "<b>Ours</b>", "lines": "One\r\n  Two"}
    answer = client.submit(f"{at}/blocks/new?type=bullets&after=258", sent)
    ref = answer.location.rpartition("=")[2]
    page = client.get(answer.location).text
    assert "&lt;b&gt;Ours&lt;/b&gt;" in page
    assert "Change this slide" in page
    assert "  Two" in client.get(f"{at}/blocks/{ref}").text
    changed_at = client.submit(f"{at}/blocks/{ref}", {"title": "New", "lines": "x", "version": "2"})
    assert changed_at.status_code == 303
    assert (
        client.submit(f"{at}/blocks/{ref}", {"title": "Late", "lines": "x", "version": "2"}).status_code
        == 409
    )
    photo = {"picture": (io.BytesIO(picture((30, 20), "PNG")), "me.png"), "alt": "Us"}
    assert client.submit(f"{at}/blocks/new?type=image", photo).status_code == 303
    bad = {"picture": (io.BytesIO(b"<svg/>"), "me.svg"), "alt": "Us"}
    assert client.submit(f"{at}/blocks/new?type=image", bad).status_code == 422
    assert client.get(f"{at}/blocks/new?type=novel").status_code == 422
    assert client.get(f"{at}/blocks/block-0").status_code == 404


def test_pages_of_other_presentations(
    as_role: Callable[[str], FormClient], rep: Services, deck: Deck, other: str
) -> None:
    client, at = as_role("rep"), f"{AT}/{deck.public_id}"
    assert "Pricing" in client.get(f"{at}/more").text
    assert f'value="{other}:260"' in client.get(f"{at}/more?from={other}&after=258").text
    sent = {"from": other, "pick": [f"{other}:260", f"{other}:256"], "after": "258"}
    assert client.submit(f"{at}/more", sent).status_code == 303
    assert [each.uid.rpartition(":")[2] for each in decks.find(rep, deck.public_id).slides] == [
        "258",
        "260",
        "256",
        "256",
    ]
    assert client.submit(f"{at}/more", {"from": other}).status_code == 422
    asset = rep.asset(other).id
    told = client.submit(f"{at}/off", {"slide": f"{asset}:260", "words": "Old price"})
    assert told.status_code == 303
    assert "Old price" in as_role("marketer").get(f"/app/p/sales_enablement/presentations/{other}").text


def test_without_pictures_a_shared_page_shows_all_that_is_told(
    desk: Any, rep: Services, deck: Deck, reader: Any
) -> None:
    data = rep.keep_picture(picture((30, 20), "PNG"), "us").sha256
    for kind, told in (
        ("quote", {"quote": "We <i>sleep</i>, {{ company.name }}", "by": "Dana"}),
        ("table", {"title": "Plan", "rows": "Step,Who\nPilot,{{ company.name }}"}),
        ("chart", {"figures": "Q,Cost\nQ1,1.5\nQ2,"}),
        ("image", {"picture": data, "alt": "All of us"}),
    ):
        own_slides.add_block(rep, deck.public_id, kind, told)
    page = reader.get(desk.share(deck.public_id).url).text
    assert "“We &lt;i&gt;sleep&lt;/i&gt;, Acme”" in page
    for said in (
        "<footer>Dana</footer>",
        '<th scope="col">Who</th>',
        "<td>Acme</td>",
        "<td>1.5</td>",
        "<td></td>",
    ):
        assert said in page
    assert 'src="data:image/png;base64,' in page
    assert 'alt="All of us"' in page


def test_nobody_else_reaches_them(desk: Any, rep: Services, deck: Deck, template: str) -> None:
    theirs = decks.make(desk.services("marketer"), template, Wanted())
    with pytest.raises(NotFound):
        own_slides.add_block(rep, theirs.public_id, "title", {"title": "x"})
    with pytest.raises(Forbidden):
        own_slides.add_block(desk.services("viewer"), deck.public_id, "title", {"title": "x"})


# --- commands -----------------------------------------------------------------------------------------------------------------


def test_commands(cms: Callable[..., Result], tmp_path: Path) -> None:
    home = str(tmp_path / "ws")
    assert (
        cms("init", home, "--admin-email", "a@example.com", "--admin-password", "canary-pass-word").exit_code
        == 0
    )

    def sales(*arguments: str) -> Any:
        done = cms("sales", *arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    for name, count in (("Pitch", 2), ("Prices", 3)):
        sales("templates", "add", str(make(tmp_path / f"{name}.pptx", count)))
    (tmp_path / "red.png").write_bytes(picture((9, 9), "PNG"))
    out = str(tmp_path / "o.pptx")
    made = sales("decks", "make", "pitch", "--pick", "257,prices:258", "-o", out)
    assert len(Presentation(out).slides) == 2
    kinds = {row["type"]: row["fields"] for row in sales("decks", "blocks", "kinds")}
    assert kinds["quote"] == ["quote", "by", "title", "notes"]
    added = sales(
        "decks",
        "blocks",
        "add",
        made["id"],
        "bullets",
        "--set",
        "title=Why",
        "--set",
        "lines=One\\nTwo",
        "--after",
        "257",
    )
    image = sales(
        "decks",
        "blocks",
        "add",
        made["id"],
        "image",
        "--picture",
        str(tmp_path / "red.png"),
        "--set",
        "alt=Red",
    )
    sales("decks", "blocks", "change", made["id"], added["id"], "--set", "title=Why us")
    assert sales("decks", "slides", made["id"], "--from", "prices")["slides"][0]["id"] == "prices:256"
    assert sales("decks", "slides", made["id"], "--from", "prices", "--pick", "256")["slide_count"] == 5
    shown = sales("decks", "show", made["id"])["slides"]
    assert [(each["title"], each["template"], bool(each["block"])) for each in shown] == [
        ("Slide 2", "pitch", False), ("Why us", None, True), ("Slide 3", "prices", False),
        (shown[3]["title"], None, True), ("Slide 1", "prices", False),
    ]  # fmt: skip
    assert image["id"] == shown[3]["id"]
    assert sales("templates", "sources") == []


# --- plugins ------------------------------------------------------------------------------------------------------------------


class TeamBlock(Schema):
    """Who they will work with."""

    names = fields.String(required=True)


class Extra:
    """A plugin that brings a kind of block, and a place with presentations."""

    def __init__(self, file: bytes) -> None:
        self.file = file

    @hookimpl(optionalhook=True)
    def register_deck_blocks(self) -> Iterable[dict[str, Any]]:
        def compose(svc: Any, told: Any) -> dict[str, Any]:
            if told["names"] == "fault":
                raise ZeroDivisionError
            chart = {"categories": ["a"], "series": [{"name": "s", "values": [1]}]}
            return {"title": "Team", "lines": told["names"].split(","), "chart": chart}

        return [{"name": "team", "label": "Team", "schema": TeamBlock, "compose": compose}]

    @hookimpl(optionalhook=True)
    def register_slide_sources(self) -> Iterable[dict[str, Any]]:
        def fetch(key: str) -> tuple[str, bytes]:
            return "Shelf.pptx", {"1": self.file}[key]

        return [
            {"name": "shelf", "label": "Shelf", "listed": lambda: [("1", "On the shelf")], "fetch": fetch}
        ]


@pytest.fixture
def extended(config: Config, clock: FrozenClock, tmp_path: Path) -> Any:
    file = make(tmp_path / "shelf.pptx", 2).read_bytes()
    opened = open_workspace(
        replace(config, strict_plugins=False), clock=clock, extra_plugins=[("extra", Extra(file))]
    )
    upgrade(opened.db.engine, opened.plugins)
    yield SimpleNamespace(workspace=opened, svc=Services(opened, "sales_enablement"))
    opened.db.dispose()


@pytest.mark.sqlite
def test_plugins_bring_blocks(extended: Any) -> None:
    kept = blocks.checked(extended.svc, "team", {"names": "Ann,Ben"})
    found = blocks.content(extended.svc, kept)
    assert (found.title, found.lines, found.chart.categories) == ("Team", ("Ann", "Ben"), ("a",))
    with pytest.raises(Invalid, match="Team failed"):
        blocks.checked(extended.svc, "team", {"names": "fault"})


@pytest.mark.sqlite
def test_plugins_bring_places_with_presentations(extended: Any) -> None:
    assert [each.label for each in slide_sources.sources(extended.svc)] == ["Shelf"]
    assert slide_sources.listed(extended.svc, "shelf") == [("1", "On the shelf")]
    name, data = slide_sources.fetch(extended.svc, "shelf", "1")
    assert (name, data[:2]) == ("Shelf.pptx", b"PK")
    with pytest.raises(Exception, match="Shelf did not answer"):
        slide_sources.fetch(extended.svc, "shelf", "2")
    with pytest.raises(NotFound):
        slide_sources.listed(extended.svc, "cellar")
