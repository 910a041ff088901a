"""Initiatives as commands print and calls answer them; the right answers stay here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cms_sales_enablement.training import Marked, Standing, is_valid
from cms_sales_enablement.training_models import QuizAttempt


def in_list(found: Standing) -> dict[str, Any]:
    """One initiative among others, as it stands for who asks."""
    initiative = found.initiative
    return {
        "id": initiative.public_id,
        "name": initiative.name,
        "state": found.word,
        "unread": len(found.unread),
        "changed": sum(each.changed for each in found.lessons),
        "due_on": initiative.due_on,
        "expires_at": found.expires_at,
    }


def whole(found: Standing) -> dict[str, Any]:
    """One initiative with its lessons and questions."""
    initiative = found.initiative
    return {
        **in_list(found),
        "lessons": [
            {"slug": each.asset.slug, "title": each.asset.title, "read": each.read, "changed": each.changed}
            for each in found.lessons
        ],
        "questions": [
            {"question": each["question"], "options": each["options"]} for each in initiative.questions
        ],
        "pass_percent": initiative.pass_percent,
        "valid_days": initiative.valid_days,
        "closed_at": initiative.closed_at,
    }


def marked(found: Marked) -> dict[str, Any]:
    """What became of a try."""
    return {"passed": found.passed, "right": found.right, "of": found.all, "expires_at": found.expires_at}


def people(found: Sequence[QuizAttempt], now: datetime) -> list[dict[str, Any]]:
    """The newest try of each person."""
    return [
        {
            "person": each.user_name,
            "at": each.at,
            "right": each.right,
            "of": each.all,
            "certified": is_valid(each, now),
            "expires_at": each.expires_at,
        }
        for each in found
    ]
