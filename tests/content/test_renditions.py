"""Pictures in other sizes: never larger, cropped around what matters, without what a camera noted, made once."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy.orm import Session

from cms_core.content import media, renditions
from cms_core.content.images import Size, box_of
from cms_core.content.models import Media
from cms_core.content.renditions import Spec, rendition
from cms_core.errors import Invalid, NotFound
from cms_core.services import Services
from cms_core.workspace import Workspace

sides = st.integers(1, 4000)
percent = st.integers(0, 100)


@given(width=sides, height=sides, wide=sides, high=sides, x=percent, y=percent)
def test_a_crop_lies_within_the_picture_and_is_as_large_as_it_can_be(
    width: int, height: int, wide: int, high: int, x: int, y: int
) -> None:
    left, top, right, bottom = box_of(Size(wide, high, x, y), width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (left, right) == (0, width) or (top, bottom) == (0, height)
    for focus, start, end, whole in ((x, left, right, width), (y, top, bottom, height)):
        assert start - 1 <= focus * whole / 100 <= end + 1


def stored(
    session: Session, workspace: Workspace, image: Image.Image, form: str = "PNG", **options: object
) -> Media:
    out = io.BytesIO()
    image.save(out, form, **options)  # type: ignore[arg-type]
    return media.record(
        session, media.take_in(workspace.config.media_dir, out.getvalue(), f"a.{form.lower()}")
    )


@pytest.fixture
def picture(session: Session, workspace: Workspace) -> Media:
    """400 × 200: the left half red, the right half blue."""
    image = Image.new("RGB", (400, 200), "blue")
    image.paste("red", (0, 0, 200, 200))
    return stored(session, workspace, image)


def test_a_width_keeps_the_shape_and_is_never_more_than_there_is(
    workspace: Workspace, picture: Media
) -> None:
    for wanted, size in ((160, (160, 80)), (320, (320, 160)), (1920, (400, 200))):
        made = rendition(workspace.config, picture, Spec(wanted))
        with Image.open(made.path) as image:
            assert image.size == size == (made.width, made.height)
            assert image.format == "PNG"


def test_a_crop_keeps_the_focal_point(workspace: Workspace, picture: Media) -> None:
    for focal_x, colour in ((0, (255, 0, 0)), (100, (0, 0, 255))):
        media.describe(picture, "Two halves", focal_x, 50)
        made = rendition(workspace.config, picture, Spec(100, 100))
        with Image.open(made.path) as image:
            assert image.size == (100, 100)
            assert {image.convert("RGB").getpixel(place) for place in ((1, 1), (98, 98))} == {colour}
    large = rendition(workspace.config, picture, Spec(1200, 630))
    assert (large.width, large.height) == (381, 200)


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGBA"),
        ("GIF", "P"),
        ("PNG", "P"),
        ("PNG", "1"),
        ("PNG", "LA"),
    ],
)
def test_every_kind_of_picture_is_made_smaller_without_its_notes(
    session: Session, workspace: Workspace, form: str, mode: str
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "A secret place"
    options = {"exif": exif} if form in ("JPEG", "WEBP") else {}
    row = stored(session, workspace, Image.new(mode, (300, 300)), form, **options)
    made = rendition(workspace.config, row, Spec(160))
    data = Path(made.path).read_bytes()
    assert b"A secret place" not in data
    with Image.open(made.path) as image:
        assert image.size == (160, 160)
        assert not image.getexif()
        assert Image.MIME[str(image.format)] == made.mime


def test_a_moving_picture_stays_as_it_is(session: Session, workspace: Workspace) -> None:
    frames = [Image.new("RGB", (300, 300), colour) for colour in ("red", "green", "blue")]
    row = stored(session, workspace, frames[0], "GIF", save_all=True, append_images=frames[1:])
    for _ in range(2):
        made = rendition(workspace.config, row, Spec(160))
        assert (made.width, made.url) == (300, workspace.config.base_url + media.url_path(row))
    assert media.widths_of(row) == ()


def test_it_is_made_once(workspace: Workspace, picture: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rendition(workspace.config, picture, Spec(160))
    monkeypatch.setattr(renditions, "encode_again", None)
    assert rendition(workspace.config, picture, Spec(160)) == first


def test_what_cannot_be_made_says_why(session: Session, workspace: Workspace, picture: Media) -> None:
    paper = media.record(session, media.take_in(workspace.config.media_dir, b"%PDF-1.7", "paper.pdf"))
    with pytest.raises(Invalid, match="is no picture"):
        rendition(workspace.config, paper, Spec(160))
    media.path_of(workspace.config.media_dir, picture.sha256).unlink()
    with pytest.raises(NotFound, match="is gone"):
        rendition(workspace.config, picture, Spec(160))
    for width, height in ((0, 0), (-1, 0), (5000, 0), (10, 5000)):
        with pytest.raises(Invalid, match="is no size"):
            Spec.wanted(width, height)


@pytest.mark.parametrize(
    "name", ["w0", "w01", "w5000", "w99999", "c10", "c10x0", "10", "w10x10", "../w160", "w160 ", "c1x99999"]
)
def test_other_names_are_no_sizes(name: str) -> None:
    assert Spec.parse(name) is None


def test_plugins_ask_by_the_public_id(session: Session, workspace: Workspace, picture: Media) -> None:
    session.commit()
    made = Services(workspace, "any").rendition(picture.public_id, 100, 50)
    assert (made.width, made.height) == (100, 50)
    assert Path(made.path).is_file()
    with pytest.raises(NotFound):
        Services(workspace, "any").rendition("01a20e63-0000-7000-8000-000000000000", 100)


@pytest.mark.parametrize(
    ("alt", "x", "y", "field"),
    [("x" * 1001, 0, 0, "alt"), ("a\x00", 0, 0, "alt"), ("", 101, 0, "focal_x"), ("", 0, -1, "focal_y")],
)
def test_what_is_said_of_a_file_is_checked(picture: Media, alt: str, x: int, y: int, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        media.describe(picture, alt, x, y)
    assert caught.value.field == field
