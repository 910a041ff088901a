"""The pages of trainings: what there is to learn, its quiz, and for marketing who has passed."""

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from cms_core import CmsError, SchemaForm, permission, services, toast
from cms_sales_enablement import PLUGIN, training
from cms_sales_enablement.schemas import TrainingForm

Answer = str | Response | tuple[str, int]

blueprint = Blueprint("sales_training", __name__, url_prefix=training.AT, template_folder="templates")


@blueprint.get("/")
@permission(training.READ)
def index() -> Answer:
    """The trainings that run, and how one stands with them."""
    svc = services.current(PLUGIN)
    found = [training.standing(svc, each) for each in training.listed(svc)]
    return render_template("sales_enablement/trainings.html", standings=found, today=svc.now().date())


@blueprint.get("/new")
@permission(training.MANAGE)
def new() -> Answer:
    """Where a training is begun."""
    return _new(SchemaForm(TrainingForm()))


def _new(form: SchemaForm, problem: CmsError | None = None) -> str:
    return render_template("sales_enablement/training_new.html", form=form, problem=problem)


@blueprint.post("/new")
@permission(training.MANAGE)
def add() -> Answer:
    """Begin a training."""
    form = SchemaForm(TrainingForm())
    try:
        found = training.create(services.current(PLUGIN), form.load(request.form))
    except ValidationError as error:
        return _new(form.rejected(request.form, error)), 422
    except CmsError as error:
        return _new(form.rejected(request.form, ValidationError({})), error), error.status
    return redirect(url_for("sales_training.show", public_id=found.public_id), 303)


@blueprint.get("/<public_id>")
@permission(training.READ)
def show(public_id: str) -> Answer:
    """One training: its lessons, its quiz, and who has passed."""
    return _page(public_id)


def _page(public_id: str, problem: CmsError | None = None) -> str:
    svc = services.current(PLUGIN)
    found = training.find(svc, public_id)
    people = training.attempts(svc, found) if svc.can(training.MANAGE) else []
    return render_template(
        "sales_enablement/training.html",
        standing=training.standing(svc, found),
        training=found,
        people=people,
        is_valid=lambda attempt: training.is_valid(attempt, svc.now()),
        problem=problem,
    )


@blueprint.post("/<public_id>/read/<slug>")
@permission(training.READ)
def read(public_id: str, slug: str) -> Answer:
    """Open a lesson: it counts as read in the words that it has now."""
    svc = services.current(PLUGIN)
    training.read(svc, training.find(svc, public_id), slug)
    return redirect(url_for("sales.asset", slug=slug), 303)


@blueprint.post("/<public_id>/answers")
@permission(training.READ)
def answer(public_id: str) -> Answer:
    """Take the quiz."""
    svc = services.current(PLUGIN)
    found = training.find(svc, public_id)
    given = [request.form.get(f"q{at}", 0, type=int) for at in range(len(found.questions))]
    try:
        marked = training.answer(svc, found, given)
    except CmsError as error:
        return _page(public_id, error), error.status
    said = f"{marked.right} of {marked.all} are right"
    if marked.passed:
        toast(f"{said}: you have passed.")
    else:
        toast(f"{said}: that is not enough yet; try again.", "warn")
    return redirect(url_for("sales_training.show", public_id=public_id), 303)


@blueprint.post("/<public_id>/close")
@permission(training.MANAGE)
def close(public_id: str) -> Answer:
    """End a training."""
    training.close(services.current(PLUGIN), public_id)
    toast("The training has ended: nothing needs its certificate any more.")
    return redirect(url_for("sales_training.index"), 303)
