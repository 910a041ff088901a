"""The whole wiring of the web app, readable on one screen."""

from collections.abc import Iterable

from flask import Flask

from cms_core.config import Config
from cms_core.migrations import load_models
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.web.proxies import behind_proxies
from cms_core.workspace import Workspace, open_workspace


def create_app(
    config: Config | None = None, plugins: Iterable[str] | None = None, *, workspace: Workspace | None = None
) -> Flask:
    """Build the web app of a workspace: from its configuration, or around one that is open already."""
    if workspace is None:
        if config is None:
            raise TypeError("create_app needs a config or a workspace")
        workspace = open_workspace(config, plugins=plugins)
    load_models(workspace.plugins)
    app = Flask("cms_core", static_folder=None, template_folder=None)
    app.extensions["cms"] = workspace
    app.config.update(
        SECRET_KEY=workspace.vault.derive("session"),
        SESSION_COOKIE_NAME="cms_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=workspace.config.base_url.startswith("https://"),
        MAX_CONTENT_LENGTH=64 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=8
        * 1024
        * 1024,  # the longest text, 2 MiB, three times as long when a form encodes it
    )
    _wire(app, workspace)
    app.wsgi_app = behind_proxies(app.wsgi_app, workspace.config.trusted_proxies)  # type: ignore[assignment,method-assign]
    return app


def _wire(app: Flask, workspace: Workspace) -> None:
    from cms_core.api.wiring import init_api
    from cms_core.audience.pages import blueprint as audience
    from cms_core.auth.pages import blueprint as auth
    from cms_core.auth.token_pages import blueprint as tokens
    from cms_core.campaigns.feed_pages import blueprint as feeds
    from cms_core.campaigns.pages import blueprint as campaigns
    from cms_core.connections.pages import blueprint as connections
    from cms_core.content.pages import blueprint as content
    from cms_core.content.pages import media
    from cms_core.notices.entrance_pages import blueprint as entrance
    from cms_core.notices.pages import blueprint as notices
    from cms_core.notices.people_pages import blueprint as invitations
    from cms_core.publishing.pages import blueprint as publishing
    from cms_core.publishing.tracking import blueprint as tracking
    from cms_core.reports.pages import blueprint as reports
    from cms_core.web.auth import frame
    from cms_core.web.gallery import blueprint as gallery
    from cms_core.web.health import blueprint as health
    from cms_core.web.health import init_health
    from cms_core.web.request import init_request
    from cms_core.web.request_log import init_request_log
    from cms_core.web.session import init_auth
    from cms_core.web.shell import init_web
    from cms_core.webhooks.pages import blueprint as webhooks

    init_request_log(app)
    init_request(app)
    init_web(app, frame)
    init_auth(app)
    init_api(app)
    init_health(app)
    for blueprint in (
        auth,
        entrance,
        invitations,
        notices,
        tokens,
        content,
        media,
        campaigns,
        feeds,
        publishing,
        tracking,
        audience,
        connections,
        reports,
        webhooks,
        gallery,
        health,
    ):
        app.register_blueprint(blueprint)
    for plugin, blueprint in workspace.plugins.blueprints:
        try:
            app.register_blueprint(blueprint)
        except PLUGIN_FAULTS as error:
            workspace.plugins.report(plugin, "register_blueprints", error)
