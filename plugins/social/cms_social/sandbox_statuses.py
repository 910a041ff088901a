"""The documents of the Mastodon sandbox, with the fields that its API documents."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from cms_social.counting import urls


def name_of(account: str) -> str:
    """The name of an account."""
    return f"sandbox{account}"


def account(base: str, account_id: str) -> dict[str, Any]:
    """An Account."""
    name = name_of(account_id)
    return {
        "id": account_id,
        "username": name,
        "acct": name,
        "display_name": "Sandbox",
        "url": f"{base}/@{name}",
        "uri": f"{base}/users/{name}",
        "note": "",
        "locked": False,
        "bot": False,
        "created_at": "2024-01-01T00:00:00.000Z",
        "avatar": f"{base}/avatar.png",
        "avatar_static": f"{base}/avatar.png",
        "header": f"{base}/header.png",
        "header_static": f"{base}/header.png",
        "followers_count": 100,
        "following_count": 1,
        "statuses_count": 0,
        "emojis": [],
        "fields": [],
        "source": {"privacy": "public", "sensitive": False, "language": None, "note": "", "fields": []},
    }


def instance(host: str, characters: int) -> dict[str, Any]:
    """An Instance."""
    return {
        "domain": host,
        "title": "Mastodon sandbox",
        "version": "4.3.0",
        "source_url": "",
        "description": "A sandbox",
        "languages": ["en"],
        "rules": [],
        "api_versions": {"mastodon": 2},
        "configuration": {
            "statuses": {
                "max_characters": characters,
                "max_media_attachments": 4,
                "characters_reserved_per_url": 23,
            },
            "media_attachments": {
                "supported_mime_types": ["image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4"]
            },
        },
    }


def media(base: str, row: Mapping[str, Any], ready: bool) -> dict[str, Any]:
    """A MediaAttachment; it has no address while it is being processed."""
    url = f"{base}/media/{row['id']}" if ready else None
    kind = "video" if str(row["mime"]).startswith("video/") else "image"
    return {
        "id": row["id"],
        "type": kind,
        "url": url,
        "preview_url": url,
        "description": row["description"],
        "meta": {},
    }


def status(
    base: str, row: Mapping[str, Any], files: Sequence[Mapping[str, Any]], counts: Mapping[str, int]
) -> dict[str, Any]:
    """A Status."""
    name = name_of(row["account"])
    return {
        "id": row["id"],
        "created_at": _instant(row["at"]),
        "edited_at": _instant(row["edited"]) if row["edited"] else None,
        "in_reply_to_id": row["in_reply_to_id"],
        "in_reply_to_account_id": row["account"] if row["in_reply_to_id"] else None,
        "sensitive": row["sensitive"],
        "spoiler_text": row["spoiler_text"],
        "visibility": row["visibility"],
        "language": row["language"],
        "uri": f"{base}/users/{name}/statuses/{row['id']}",
        "url": f"{base}/@{name}/{row['id']}",
        "content": _markup(row["text"]),
        "account": account(base, row["account"]),
        "media_attachments": list(files),
        "favourites_count": counts["likes"],
        "reblogs_count": counts["reposts"],
        "replies_count": counts["replies"],
        "quotes_count": counts["quotes"],
        "reblog": None,
        "mentions": [],
        "tags": [],
        "emojis": [],
        "card": None,
        "poll": None,
    }


def _markup(text: str) -> str:
    done, rest = [], text
    for url in urls(text):
        before, _, rest = rest.partition(url)
        done += [escape(before), f'<a href="{escape(url)}" rel="nofollow noopener">{escape(url)}</a>']
    return "<p>" + "".join([*done, escape(rest)]).replace("\n\n", "</p><p>").replace("\n", "<br />") + "</p>"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
