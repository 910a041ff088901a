"""REST: trainings, their lessons and quizzes, and who has passed."""

from typing import Any

from flask import Response
from marshmallow import fields, validate

from cms_core import api
from cms_sales_enablement import PLUGIN, training
from cms_sales_enablement import training_documents as documents
from cms_sales_enablement.schemas import TrainingForm

blueprint = api.Blueprint(
    "sales_training_api",
    __name__,
    url_prefix="/api/v1/sales_enablement/training",
    description="What reps must know, and who does.",
)


class Shown(api.Document):
    """A training as it stands for who asks."""

    id = api.text()
    name = api.text()
    state = api.text("reading, ready (for the quiz), certified or expired")
    unread = api.number()
    changed = api.number("Lessons that have changed since they were read.")
    due_on = fields.Date(required=True, allow_none=True)
    expires_at = api.instant(null=True)


class LessonShown(api.Document):
    """A lesson for who asks."""

    slug = api.text()
    title = api.text()
    read = api.truth()
    changed = api.truth("It has changed since it was read.")


class QuestionShown(api.Document):
    """A question; answers are given by the number of an option, from 1."""

    question = api.text()
    options = api.listing(fields.String())


class Whole(Shown):
    """A training with its lessons and questions."""

    lessons = api.listing(LessonShown)
    questions = api.listing(QuestionShown)
    pass_percent = api.number()
    valid_days = api.number(null=True)
    closed_at = api.instant(null=True)


class LessonBody(api.Input):
    """The lesson that was read."""

    slug = fields.String(required=True, validate=validate.Length(1, 200))


class LessonText(api.Document):
    """A lesson as it is approved now."""

    slug = api.text()
    title = api.text()
    revision = api.number()
    text = api.text()


class Answers(api.Input):
    """For each question the number of an option, from 1."""

    answers = fields.List(
        fields.Integer(validate=validate.Range(1, 10)), required=True, validate=validate.Length(max=50)
    )


class MarkedShown(api.Document):
    """What became of a try."""

    passed = api.truth()
    right = api.number()
    of = api.number()
    expires_at = api.instant(null=True)


class PersonShown(api.Document):
    """The newest try of somebody."""

    person = api.text()
    at = api.instant()
    right = api.number()
    of = api.number()
    certified = api.truth()
    expires_at = api.instant(null=True)


class NewTraining(TrainingForm, api.Input):
    """A training that is to begin."""


class Begun(api.Document):
    """A training that runs."""

    id = api.text()
    name = api.text()


class Ended(api.Document):
    """A training that has ended."""

    id = api.text()
    closed_at = api.instant()


@blueprint.get("")
@blueprint.call(training.READ, "sales training list", answers=api.pages_of(Shown))
def list_trainings() -> Response:
    """The trainings that run, and how who asks stands with them; all on one page."""
    svc = api.services(PLUGIN)
    rows = [documents.in_list(training.standing(svc, each)) for each in training.listed(svc)]
    return api.answer({"items": rows, "next": None})


@blueprint.post("")
@blueprint.call(training.MANAGE, "sales training add", body=NewTraining, answers=Begun, status=201)
def add(body: dict[str, Any]) -> Response:
    """Begin a training: lessons to read, a quiz, and the presentations whose decks need its certificate."""
    found = training.create(api.services(PLUGIN), body)
    where = f"/api/v1/sales_enablement/training/{found.public_id}"
    return api.answer({"id": found.public_id, "name": found.name}, 201, location=where)


@blueprint.get("/<id>")
@blueprint.call(training.READ, "sales training show", answers=Whole)
def show(id: str) -> Response:  # noqa: A002  # the name in the path
    """The lessons and questions of a training."""
    svc = api.services(PLUGIN)
    return api.answer(documents.whole(training.standing(svc, training.find(svc, id))))


@blueprint.post("/<id>/read")
@blueprint.call(training.READ, "sales training read", body=LessonBody, answers=LessonText)
def read(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Note that a lesson was read as it is approved now."""
    svc = api.services(PLUGIN)
    found = training.read(svc, training.find(svc, id), body["slug"])
    told = {"slug": found.slug, "title": found.title, "revision": found.revision}
    return api.answer({**told, "text": str(found.body.get("text") or "")})


@blueprint.post("/<id>/answers")
@blueprint.call(training.READ, "sales training answer", body=Answers, answers=MarkedShown)
def answer(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Take the quiz, once all lessons were read."""
    svc = api.services(PLUGIN)
    return api.answer(documents.marked(training.answer(svc, training.find(svc, id), body["answers"])))


@blueprint.get("/<id>/people")
@blueprint.call(training.MANAGE, "sales training people", answers=api.pages_of(PersonShown))
def people(id: str) -> Response:  # noqa: A002
    """Who has tried, and who is certified."""
    svc = api.services(PLUGIN)
    rows = documents.people(training.attempts(svc, training.find(svc, id)), svc.now())
    return api.answer({"items": rows, "next": None})


@blueprint.post("/<id>/close")
@blueprint.call(training.MANAGE, "sales training close", answers=Ended)
def close(id: str) -> Response:  # noqa: A002
    """End a training: nothing needs its certificate any more; doing it again changes nothing."""
    found = training.close(api.services(PLUGIN), id)
    return api.answer({"id": found.public_id, "closed_at": found.closed_at})
