"""Pages of the content library."""

from flask import Blueprint

from cms_core.content.media_pages import media

__all__ = ["blueprint", "media"]

blueprint = Blueprint("content", __name__, url_prefix="/app/content")
