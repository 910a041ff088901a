"""The hooks of this plugin."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cms_core import Action, Channel, NavItem, hookimpl

if TYPE_CHECKING:
    from flask import Blueprint

api = "1"


@hookimpl
def register_channels() -> Iterable[Channel]:
    from cms_seo.channel import SiteChannel

    return [SiteChannel()]


@hookimpl
def register_blueprints() -> "Iterable[Blueprint]":
    from cms_seo import console, pages

    return [pages.blueprint, console.blueprint]


@hookimpl
def register_actions() -> Iterable[Action | NavItem]:
    return [NavItem("Website", "seo.website", "globe", "Create", "calendar.read")]
