"""``cms sales training``: what is new, what to read about it, the quiz, and who has passed."""

from pathlib import Path
from typing import Any

import click
import yaml
from marshmallow import ValidationError

from cms_core import Invalid, State, json_option, pass_state, print_json, print_table
from cms_sales_enablement import PLUGIN
from cms_sales_enablement import training as work
from cms_sales_enablement import training_documents as documents
from cms_sales_enablement.schemas import TrainingForm


@click.group()
def training() -> None:
    """What reps must know, and who does."""


@training.command("add")
@click.argument("path", metavar="FILE.yaml", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@pass_state
def add(state: State, path: Path, as_json: bool) -> None:
    """Begin a training: a YAML or JSON file with name, lessons, guards, and questions with options (the right one with *)."""
    found = work.create(state.services(PLUGIN), _loaded(path))
    if as_json:
        print_json({"id": found.public_id, "name": found.name})
    else:
        click.echo(f"Training {found.public_id} runs.")


@training.command("list")
@json_option
@pass_state
def list_(state: State, as_json: bool) -> None:
    """The trainings that run, and how one stands with them."""
    svc = state.services(PLUGIN)
    svc.require(work.READ)
    rows = [documents.in_list(work.standing(svc, each)) for each in work.listed(svc)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "name", "state", "unread", "changed", "due_on"))


@training.command()
@click.argument("public_id", metavar="ID")
@json_option
@pass_state
def show(state: State, public_id: str, as_json: bool) -> None:
    """The lessons and questions of a training."""
    svc = state.services(PLUGIN)
    row = documents.whole(work.standing(svc, work.find(svc, public_id)))
    if as_json:
        print_json(row)
        return
    print_table(row["lessons"], ("slug", "title", "read", "changed"))
    for number, each in enumerate(row["questions"], 1):
        click.echo(f"{number}. {each['question']}")
        for at, option in enumerate(each["options"], 1):
            click.echo(f"   {at}) {option}")


@training.command()
@click.argument("public_id", metavar="ID")
@click.argument("slug", metavar="LESSON")
@json_option
@pass_state
def read(state: State, public_id: str, slug: str, as_json: bool) -> None:
    """Note that a lesson was read, and print its words."""
    svc = state.services(PLUGIN)
    found = work.read(svc, work.find(svc, public_id), slug)
    text = str(found.body.get("text") or "")
    if as_json:
        print_json({"slug": found.slug, "title": found.title, "revision": found.revision, "text": text})
    else:
        click.echo(f"{found.title}\n\n{text}")


@training.command()
@click.argument("public_id", metavar="ID")
@click.argument("answers", metavar="NUMBER...", nargs=-1, required=True, type=int)
@json_option
@pass_state
def answer(state: State, public_id: str, answers: tuple[int, ...], as_json: bool) -> None:
    """Take the quiz: for each question the number of an option."""
    svc = state.services(PLUGIN)
    row = documents.marked(work.answer(svc, work.find(svc, public_id), answers))
    if as_json:
        print_json(row)
    else:
        click.echo(f"{row['right']} of {row['of']} right: {'passed' if row['passed'] else 'not passed'}.")


@training.command()
@click.argument("public_id", metavar="ID")
@json_option
@pass_state
def people(state: State, public_id: str, as_json: bool) -> None:
    """Who has tried, and who is certified."""
    svc = state.services(PLUGIN)
    rows = documents.people(work.attempts(svc, work.find(svc, public_id)), svc.now())
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("person", "at", "right", "of", "certified", "expires_at"))


@training.command()
@click.argument("public_id", metavar="ID")
@json_option
@pass_state
def close(state: State, public_id: str, as_json: bool) -> None:
    """End a training: nothing needs its certificate any more."""
    found = work.close(state.services(PLUGIN), public_id)
    if as_json:
        print_json({"id": found.public_id, "closed_at": found.closed_at})
    else:
        click.echo(f"Training {found.public_id} has ended.")


def _loaded(path: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = TrainingForm().load(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise Invalid(f"{path.name}: {error.messages}", "mend it and try again") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(f"{path.name} cannot be read: {error}", "write YAML or JSON in UTF-8") from None
    return loaded
