"""Pictures that decks hold, as files of the core: those that PowerPoint can show."""

from pathlib import Path

from cms_core import Invalid, Services

MIMES = ("image/png", "image/jpeg")
STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def keep(svc: Services, field: str, data: bytes) -> str:
    """Keep a picture for a field, and give its id; raises Invalid that names the field for what is neither PNG nor JPEG."""
    if not data.startswith(STARTS):
        raise Invalid(f"the picture for {field} is neither PNG nor JPEG", "choose another one", field=field)
    return svc.keep_picture(data, field).sha256


def bytes_of(svc: Services, field: str, id_: str) -> bytes:
    """A stored picture by its id; raises Invalid that names the field for what is none that a slide can show."""
    found = svc.file(id_)
    if found is None or found.mime not in MIMES:
        raise Invalid(
            f"the picture for {field} is not there, or neither PNG nor JPEG", "choose one anew", field=field
        )
    return Path(found.path).read_bytes()
