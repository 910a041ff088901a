"""The hooks of this plugin."""

from collections.abc import Iterable

from cms_core import Channel, hookimpl

api = "1"


@hookimpl
def register_channels() -> Iterable[Channel]:
    from cms_email.channel import EmailChannel

    return [EmailChannel()]
