"""Response headers by area: the app runs its own scripts only, everything else runs none."""

from flask import Response, request

APP_CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
SITE_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
PREVIEW_CSP = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: https:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"


def in_app(path: str) -> bool:
    """Whether this path belongs to the app rather than to the site, the API or tracking."""
    return path == "/app" or path.startswith("/app/")


def secure(response: Response) -> Response:
    """Set what the view did not set itself; outside the app the default is the script-free policy of the site."""
    app = in_app(request.path)
    headers = response.headers
    headers.setdefault("Content-Security-Policy", APP_CSP if app else SITE_CSP)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin" if app else "strict-origin-when-cross-origin")
    headers.setdefault("Permissions-Policy", PERMISSIONS)
    if app:
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cache-Control", "private, no-cache")
    return response


def preview_response(html: str) -> Response:
    """Somebody's HTML for a sandboxed frame: no scripts, no forms, an origin of its own, framed by us only, kept nowhere."""
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = PREVIEW_CSP
    response.headers["Cache-Control"] = "private, no-store"
    return response
