"""Asks channels for the numbers of what is public, one batch per connection, outside any transaction."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.connections.links import make_link
from cms_core.connections.models import Connection
from cms_core.events.models import Measurement
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.publishing.models import Publication, PublicationState
from cms_core.publishing.receipts import WITH_RECEIPT, receipt_of
from cms_core.services import Services
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)

MEASURED_FOR = timedelta(days=90)


def measure(workspace: Workspace, real: datetime) -> int:
    """Ask every channel that measures; a channel that fails is reported and the others go on. Returns how many were new."""
    stored = 0
    for name, channel in workspace.plugins.channels.items():
        if type(channel).measure is c.Channel.measure:
            continue
        with workspace.db.session() as session:
            connections = session.scalars(select(Connection).where(Connection.channel == name)).all()
        for connection in connections:
            stored += _measure_connection(workspace, channel, connection, real)
    return stored


def _measure_connection(
    workspace: Workspace, channel: c.Channel, connection: Connection, real: datetime
) -> int:
    with workspace.db.session() as session:
        receipts, since = _public(session, connection, real)
    if not receipts:
        return 0
    plugin = workspace.plugins.owner_of_channel(channel.name)
    try:
        numbers = list(channel.measure(make_link(workspace, connection), receipts, since))
        return Services(workspace, plugin).store_measurements(numbers)
    except c.ChannelError as error:
        log.warning("%s:%s could not be measured: %s", channel.name, connection.name, error.reason)
    except PLUGIN_FAULTS as error:
        workspace.plugins.report(plugin, f"{channel.name}.measure", error)
    return 0


def _public(
    session: Session, connection: Connection, real: datetime
) -> tuple[list[c.Receipt], datetime | None]:
    """The receipts of a connection's live publications, and when it was measured last."""
    live = (
        Publication.connection_id == connection.id,
        Publication.state == PublicationState.PUBLISHED,
        Publication.superseded_by_id.is_(None),
        Publication.published_at > real - MEASURED_FOR,
    )
    rows = session.scalars(
        select(Publication).where(*live).options(*WITH_RECEIPT).order_by(Publication.id)
    ).all()
    receipts = [receipt for receipt in map(receipt_of, rows) if receipt is not None]
    measured = Measurement.publication_id.in_([row.id for row in rows])
    return receipts, session.scalar(select(func.max(Measurement.at)).where(measured))
