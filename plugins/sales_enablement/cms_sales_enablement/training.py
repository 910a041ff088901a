"""Training: what is new, what to read about it, and who has passed its quiz; without that no deck of what it guards is made.

A certificate is a passed quiz that has not run out. Marketing, who may change content, needs none.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from cms_core import Asset, Forbidden, Invalid, NotFound, Services
from cms_sales_enablement import presentations
from cms_sales_enablement.training_models import Initiative, Lesson, LessonRead, QuizAttempt

READ, MANAGE = "sales.read", "content.edit"
AT = "/app/p/sales_enablement/training"


@dataclass(frozen=True)
class LessonState:
    """A lesson for one person: read at all, and whether it has changed since."""

    asset: Asset
    read: bool
    changed: bool


@dataclass(frozen=True)
class Standing:
    """How somebody stands with an initiative: what is left to read, and until when they are certified."""

    initiative: Initiative
    lessons: Sequence[LessonState]
    certified: bool
    expires_at: datetime | None
    expired: bool

    @property
    def unread(self) -> Sequence[LessonState]:
        """The lessons that were never opened."""
        return [each for each in self.lessons if not each.read]

    @property
    def word(self) -> str:
        """certified, expired, ready (for the quiz) or reading."""
        if self.certified:
            return "certified"
        return "expired" if self.expired else "reading" if self.unread else "ready"


@dataclass(frozen=True)
class Marked:
    """What became of a try."""

    right: int
    all: int
    passed: bool
    expires_at: datetime | None


def create(svc: Services, said: Mapping[str, Any]) -> Initiative:
    """A new initiative (as TrainingForm loads it); raises Invalid for lessons and presentations that are not approved."""
    svc.require(MANAGE)
    lessons = [_approved(svc, slug, "lessons") for slug in dict.fromkeys(said["lessons"])]
    guards = [_approved(svc, slug, "guards") for slug in dict.fromkeys(said["guards"])]
    if odd := [each.slug for each in guards if each.kind != presentations.KIND]:
        raise Invalid(f"{odd[0]!r} is no presentation", "name presentations", field="guards")
    found = Initiative(
        name=" ".join(said["name"].split()),
        guards=[each.id for each in guards],
        questions=[_question(each) for each in said["questions"]],
        pass_percent=said["pass_percent"],
        valid_days=said["valid_days"],
        due_on=said["due_on"],
        created_at=svc.now(),
        lessons=[Lesson(position=at, asset=each.id) for at, each in enumerate(lessons)],
    )
    with svc.transaction() as session:
        session.add(found)
        session.flush()
    return found


def close(svc: Services, public_id: str) -> Initiative:
    """End an initiative: it guards nothing any more; doing it again changes nothing."""
    svc.require(MANAGE)
    with svc.transaction() as session:
        found = _row(session, public_id)
        found.closed_at = found.closed_at or svc.now()
    return found


def find(svc: Services, public_id: str) -> Initiative:
    """An initiative by its id; raises NotFound."""
    svc.require(READ)
    with svc.session() as session:
        return _row(session, public_id)


def listed(svc: Services) -> list[Initiative]:
    """Those that run, the newest first."""
    query = select(Initiative).where(Initiative.closed_at.is_(None)).options(selectinload(Initiative.lessons))
    with svc.session() as session:
        return list(session.scalars(query.order_by(Initiative.id.desc())))


def standing(svc: Services, initiative: Initiative) -> Standing:
    """How who asks stands with an initiative."""
    user = svc.require(READ)
    assets = {each.id: each for each in svc.assets([lesson.asset for lesson in initiative.lessons])}
    with svc.session() as session:
        reads = session.scalars(
            select(LessonRead).where(LessonRead.user == user.id, LessonRead.asset.in_(assets))
        )
        read = {each.asset: each.revision for each in reads}
        passed = _passes(session, initiative, user.id)
    valid = [each for each in passed if _is_valid(each, svc.now())]
    best = max(valid, key=lambda each: (each.expires_at is None, each.expires_at), default=None)
    return Standing(
        initiative,
        [
            LessonState(asset, asset.id in read, read.get(asset.id, asset.revision) != asset.revision)
            for lesson in initiative.lessons
            if (asset := assets.get(lesson.asset)) is not None
        ],
        certified=best is not None,
        expires_at=best.expires_at if best else None,
        expired=bool(passed) and best is None,
    )


def read(svc: Services, initiative: Initiative, slug: str) -> Asset:
    """Note that who asks has opened a lesson as it is approved now; raises NotFound for what is none."""
    user, asset = svc.require(READ), svc.asset(slug)
    if asset is None or asset.id not in {lesson.asset for lesson in initiative.lessons}:
        raise NotFound(f"{slug[:120]!r} is no lesson of it", "`cms sales training show` lists them")
    with svc.transaction() as session:
        session.merge(LessonRead(user=user.id, asset=asset.id, revision=asset.revision, at=svc.now()))
    return asset


def answer(svc: Services, initiative: Initiative, answers: Sequence[int]) -> Marked:
    """Take the quiz: for each question the number of an option, from 1. Raises Invalid before all lessons were read."""
    user = svc.require(READ)
    if unread := standing(svc, initiative).unread:
        raise Invalid(f"the lesson “{unread[0].asset.title}” was not read yet", "read all lessons first")
    if initiative.closed_at is not None:
        raise Invalid("this training has ended", "see which ones run")
    questions = initiative.questions
    if len(answers) != len(questions) or any(
        not 1 <= given <= len(each["options"]) for given, each in zip(answers, questions, strict=False)
    ):
        raise Invalid(
            f"the quiz has {len(questions)} questions",
            "answer each by the number of an option",
            field="answers",
        )
    right = sum(given - 1 == each["right"] for given, each in zip(answers, questions, strict=True))
    passed = right * 100 >= initiative.pass_percent * len(questions)
    days = initiative.valid_days
    expires = svc.now() + timedelta(days=days) if passed and days else None
    attempt = QuizAttempt(
        initiative_id=initiative.id,
        user=user.id,
        user_name=user.name or user.email,
        at=svc.now(),
        right=right,
        all=len(questions),
        passed=passed,
        expires_at=expires,
    )
    with svc.transaction() as session:
        session.add(attempt)
    return Marked(right, len(questions), passed, expires)


def require_certified(svc: Services, assets: Collection[str]) -> None:
    """Raise Forbidden where a running initiative guards one of these presentations and who asks has no valid certificate of it."""
    if svc.can(MANAGE):
        return
    user = svc.require(READ)
    certified = select(QuizAttempt.id).where(
        QuizAttempt.initiative_id == Initiative.id,
        QuizAttempt.user == user.id,
        QuizAttempt.passed,
        or_(QuizAttempt.expires_at.is_(None), QuizAttempt.expires_at > svc.now()),
    )
    lacking = select(Initiative).where(Initiative.closed_at.is_(None), ~certified.exists())
    with svc.session() as session:
        found = session.scalars(lacking.order_by(Initiative.id.desc())).all()
    for initiative in found:
        if not set(assets).isdisjoint(initiative.guards):
            there = standing(svc, find(svc, initiative.public_id))
            raise Forbidden(_what(there), _remedy(there))


def attempts(svc: Services, initiative: Initiative) -> list[QuizAttempt]:
    """For managers: the newest try of each person who has tried."""
    svc.require(MANAGE)
    query = select(QuizAttempt).where(QuizAttempt.initiative_id == initiative.id).order_by(QuizAttempt.id)
    with svc.session() as session:
        newest = {each.user: each for each in session.scalars(query)}
    return sorted(newest.values(), key=lambda each: each.user_name.casefold())


def is_valid(attempt: QuizAttempt, now: datetime) -> bool:
    """Whether a try is a certificate now."""
    return attempt.passed and _is_valid(attempt, now)


def _what(found: Standing) -> str:
    why = "has run out" if found.expired else "is needed first"
    return f"the certificate of the training “{found.initiative.name}” {why}"


def _remedy(found: Standing) -> str:
    where = f"{AT}/{found.initiative.public_id}"
    if unread := found.unread:
        return f"read the lesson “{unread[0].asset.title}”, then take the quiz: {where}"
    return f"take the quiz: {where}"


def _is_valid(attempt: QuizAttempt, now: datetime) -> bool:
    return attempt.expires_at is None or attempt.expires_at > now


def _passes(session: Session, initiative: Initiative, user: str) -> Sequence[QuizAttempt]:
    query = select(QuizAttempt).where(
        QuizAttempt.initiative_id == initiative.id, QuizAttempt.user == user, QuizAttempt.passed
    )
    return session.scalars(query).all()


def _row(session: Session, public_id: str) -> Initiative:
    query = select(Initiative).where(Initiative.public_id == public_id.replace("\0", ""))
    found = session.scalar(query.options(selectinload(Initiative.lessons)))
    if found is None:
        raise NotFound(
            f"there is no training {public_id[:60]!r}", "`cms sales training list` shows what there is"
        )
    return found


def _approved(svc: Services, slug: str, field: str) -> Asset:
    found = svc.asset(slug)
    if found is None:
        raise Invalid(
            f"there is no approved content {slug[:120]!r}",
            "`cms sales search` lists what there is",
            field=field,
        )
    return found


def _question(said: Mapping[str, Any]) -> dict[str, Any]:
    options: Iterable[str] = said["options"]
    right = next(at for at, each in enumerate(options) if each.startswith("*"))
    return {
        "question": said["question"],
        "options": [each.removeprefix("*").strip() for each in options],
        "right": right,
    }
