"""Links and looks of before there were rooms stay what they are."""

from typing import Any

from alembic import command
from sqlalchemy import inspect, select

from cms_core import migrations
from cms_sales_enablement import rooms, shares, views
from cms_sales_enablement.models import Share, View

from .rooms import enter, keep

BEFORE = "sales0003"
TABLES = {f"sales_enablement_room{end}" for end in ("", "_item", "_step", "_question")}


def move(desk: Any, way: Any, to: str) -> None:
    plugins, engine = desk.workspace.plugins, desk.workspace.db.engine
    owners = list(migrations.owners(plugins))
    (owner,) = (each for each in owners if each.name == "sales_enablement")
    with engine.begin() as connection:
        way(migrations._alembic(owner, owners, connection), to)


def test_what_was_shared_before_works_after_and_back_again(desk: Any, reader: Any) -> None:
    desk.write("calm")
    made = desk.share("calm", contact="dana@acme.test")
    reader.look(made.url, 3)
    move(desk, command.downgrade, BEFORE)
    assert not TABLES & set(inspect(desk.workspace.db.engine).get_table_names())
    move(desk, command.upgrade, "head")
    with desk.workspace.db.session() as session:
        assert session.scalars(select(Share.room)).all() == [None]
        assert session.scalars(select(View.visit)).all() == [""]
    assert reader.look(made.url, 2).status_code == 200
    (share,) = shares.listed(desk.services())
    assert views.tallies(desk.services(), [share])[share.id].seconds == 5
    kept = keep(desk, "calm")
    assert "Calm pays." in enter(reader, kept.share(), 0, seconds=2).text
    assert rooms.listed(desk.services())
