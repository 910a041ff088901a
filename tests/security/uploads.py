"""Sending a file as a marketer does, and what is stored of it."""

import io
from pathlib import Path

from .house import House


def upload(house: House, data: bytes, name: str) -> tuple[int, str]:
    """Add a file to the media; the status, and the Markdown that shows it or the reason why it is refused."""
    client = house.signed_in("marketer")
    sent = {"file": (io.BytesIO(data), name), "csrf_token": client.token("/app/me")}
    answer = client.post("/app/content/media", data=sent)
    said = answer.get_json()
    return answer.status_code, said.get("markdown") or said.get("error") or ""


def stored(house: House) -> list[Path]:
    """All files that lie in the folder of media."""
    return sorted(each for each in house.workspace.config.media_dir.rglob("*") if each.is_file())
