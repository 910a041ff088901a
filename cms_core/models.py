"""All tables of the core in one metadata: importing this module makes every model known."""

from cms_core import fence, rounds
from cms_core.audience import models as audience
from cms_core.auth import models as auth
from cms_core.campaigns import models as campaigns
from cms_core.connections import models as connections
from cms_core.content import models as content
from cms_core.db import Base
from cms_core.events import models as events
from cms_core.notices import models as notices
from cms_core.publishing import models as publishing
from cms_core.reports import models as reports
from cms_core.webhooks import models as webhooks

metadata = Base.metadata

__all__ = [
    "audience",
    "auth",
    "campaigns",
    "connections",
    "content",
    "events",
    "fence",
    "metadata",
    "notices",
    "publishing",
    "reports",
    "rounds",
    "webhooks",
]
