"""Tags and lists of other products as static segments: made by name, and people are only ever added."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience import segments
from cms_core.audience.models import Contact, Segment
from cms_core.audience.upsert import Incoming
from cms_core.dialect import among
from cms_core.errors import Invalid

MAX_LISTS = 500


class Lists:
    """The segments that an import puts people into; ``added`` counts those who are new in each."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._segments: dict[str, Segment | None] = {}
        self.added: dict[str, int] = {}
        self.notes: list[str] = []

    def join(self, batch: Sequence[Incoming]) -> None:
        """Put the people of a batch, who are stored by now, into the segments of their tags."""
        members: dict[str, list[str]] = {}
        for person in batch:
            for tag in person.tags:
                members.setdefault(tag, []).append(person.email)
        if not members:
            return
        ids = self._ids({email for emails in members.values() for email in emails})
        for tag, emails in members.items():
            segment = self._segment(tag)
            if segment is not None:
                found = [ids[email] for email in emails if email in ids]
                self.added[tag] = self.added.get(tag, 0) + segments.add_members(self._session, segment, found)

    def _ids(self, emails: set[str]) -> dict[str, int]:
        query = select(Contact.email, Contact.id).where(among(self._session, Contact.email, sorted(emails)))
        found = self._session.connection().execute(query)
        return {email: contact_id for email, contact_id in found if email is not None}

    def _segment(self, name: str) -> Segment | None:
        if name not in self._segments:
            self._segments[name] = self._find(name)
        return self._segments[name]

    def _find(self, name: str) -> Segment | None:
        if len(self._segments) >= MAX_LISTS:
            self._say(f"there are more than {MAX_LISTS} tags: the others were left out")
            return None
        try:
            segment = segments.ensure_static(self._session, name)
        except Invalid as error:
            self._say(f"tag {name[:60]!r} was left out: {error.message}")
            return None
        if segment.rule:
            self._say(f"segment {name!r} goes by a rule: nobody was put into it")
            return None
        return segment

    def _say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)
