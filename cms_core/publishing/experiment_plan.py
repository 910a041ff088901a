"""What a test shall be, as people say it when they arm an entry, and whether it can be done."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cms_core.campaigns.models import Entry
from cms_core.campaigns.when import Mode, WhenError, anywhere, parse_when, resolve
from cms_core.content.models import Revision
from cms_core.contract import AddressedChannel, Channel
from cms_core.errors import Invalid
from cms_core.publishing.models import Arm, Experiment, Metric

MAX_ARMS = 8
MAX_HOLD_OUT = 50
LONGEST = timedelta(days=30)
BY_HAND = "by hand"
_ARM = re.compile(
    r"(?P<name>[^=:\x00-\x1f]{1,40})(?:=(?P<variant>[^:\x00-\x1f]{0,120}))?(?::(?P<share>\d{1,3})%?)?"
)
_AFTER = re.compile(r"(\d{1,5}) ?([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True)
class ArmPlan:
    """One arm: its name, the variant of the revision that it shows, and its percent of those who take part."""

    name: str
    variant: str = ""
    share: int = 0


@dataclass(frozen=True)
class ExperimentPlan:
    """A test: arms, what decides, who takes part, who is held out, and when the rest gets the winner.

    ``decide_after`` counts from the start of the run. Not ``automatic``: a person picks.
    """

    arms: tuple[ArmPlan, ...] = ()
    metric: Metric = Metric.OPENED
    share: int = 100
    hold_out: int = 0
    decide_after: timedelta | None = None
    decide_at: datetime | None = None
    automatic: bool = True

    @property
    def undecided(self) -> bool:
        """Whether somebody waits for the winner."""
        return len(self.arms) > 1 and self.share < 100


def parse(
    arms: Iterable[str],
    metric: str = Metric.OPENED,
    share: int = 100,
    hold_out: int = 0,
    decide: str = "",
    tz: str = "UTC",
) -> ExperimentPlan:
    """A test in words: arms as NAME, NAME=VARIANT or NAME=VARIANT:PERCENT, ``decide`` as 4h, a time, or "by hand".

    Raises Invalid.
    """
    if metric not in list(Metric):
        raise Invalid(f"{metric[:40]!r} decides no test", f"one of {', '.join(Metric)}", field="metric")
    automatic = decide.strip().replace("-", " ").lower() != BY_HAND
    after, at = _decision(decide, tz) if automatic else (None, None)
    found = _shared_out([_arm(each) for each in arms])
    plan = ExperimentPlan(found, Metric(metric), share, hold_out, after, at, automatic)
    _require_numbers(plan)
    return plan


def _arm(text: str) -> ArmPlan:
    found = _ARM.fullmatch(text.strip())
    if found is None or not found["name"].strip():
        raise Invalid(f"{text[:60]!r} is not an arm", "write NAME, NAME=VARIANT or NAME=VARIANT:50")
    return ArmPlan(found["name"].strip(), (found["variant"] or "").strip(), int(found["share"] or 0))


def _shared_out(arms: list[ArmPlan]) -> tuple[ArmPlan, ...]:
    """Arms without a percent get equal parts; the first ones get what is left over."""
    if not arms or any(arm.share for arm in arms):
        return tuple(arms)
    part, rest = divmod(100, len(arms))
    return tuple(ArmPlan(arm.name, arm.variant, part + (n < rest)) for n, arm in enumerate(arms))


def _decision(text: str, tz: str) -> tuple[timedelta | None, datetime | None]:
    words = text.strip()
    if not words:
        return None, None
    if found := _AFTER.fullmatch(words):
        return int(found[1]) * _UNITS[found[2]], None
    try:
        return None, resolve(parse_when(words, tz)).instant
    except WhenError as error:
        raise Invalid(
            f"the end of the test: {error.message}", "write 4h, 90m, 2d or a time", field="decide"
        ) from None


def _require_numbers(plan: ExperimentPlan) -> None:
    names = [arm.name for arm in plan.arms]
    if len(names) > MAX_ARMS or len(set(names)) != len(names):
        raise Invalid(
            f"a test has at most {MAX_ARMS} arms of different names", "leave some out", field="arms"
        )
    if plan.arms and (sum(arm.share for arm in plan.arms) != 100 or min(arm.share for arm in plan.arms) < 1):
        raise Invalid(
            "the percents of the arms do not add up to 100",
            "give each at least 1, 100 together",
            field="arms",
        )
    if not 1 <= plan.share <= 100 or not 0 <= plan.hold_out <= MAX_HOLD_OUT:
        raise Invalid(
            f"the test takes 1 to 100 percent, the hold-out 0 to {MAX_HOLD_OUT}",
            "give other percents",
            field="share",
        )
    if len(plan.arms) < 2 and plan.share != 100:
        raise Invalid("one version alone is no test", "name two arms, or test with all", field="arms")
    if len(plan.arms) < 2 and not plan.hold_out:
        raise Invalid("a test has two arms, or a hold-out", "name another arm", field="arms")
    _require_end(plan)


def _require_end(plan: ExperimentPlan) -> None:
    ends = plan.decide_after is not None or plan.decide_at is not None
    if not plan.undecided and ends:
        raise Invalid("nobody waits for the winner", "let fewer than 100 percent take part", field="decide")
    if plan.undecided and plan.automatic and not ends:
        raise Invalid("it is not said when the test ends", "say it: 4h, or a time", field="decide")
    if plan.decide_after is not None and not timedelta(minutes=1) <= plan.decide_after <= LONGEST:
        raise Invalid("a test takes a minute to 30 days", "give another time", field="decide")


def require_possible(plan: ExperimentPlan, channel: Channel, entry: Entry, revision: Revision) -> None:
    """Raise Invalid when this entry cannot go out with this test."""
    if not isinstance(channel, AddressedChannel):
        raise Invalid(f"{channel.label} is not sent to people and cannot be tested", "arm it without a test")
    known = revision.variants
    for arm in plan.arms:
        if arm.variant and arm.variant not in known:
            names = ", ".join(known) or "none"
            raise Invalid(
                f"revision {revision.n} has no variant {arm.variant!r}",
                f"its variants: {names}; add one and have it approved",
                field="arms",
            )
    _require_end_before_zones(plan, entry)
    if plan.decide_at is not None and plan.decide_at <= entry.instant:
        raise Invalid("the test ends before it begins", "give a later time", field="decide")


def _require_end_before_zones(plan: ExperimentPlan, entry: Entry) -> None:
    """At each recipient's own time some get it before others: a winner must be known before the earliest of them."""
    if entry.mode != Mode.RECIPIENT_LOCAL or not plan.undecided or not plan.automatic or entry.wall is None:
        return
    earliest, _ = anywhere(entry.wall)
    if plan.decide_at is None or plan.decide_at > earliest:
        raise Invalid(
            "a winner cannot be chosen by itself after the first zones have got theirs",
            f"end the test by {earliest:%Y-%m-%d %H:%M} UTC, or pick the winner yourself",
            field="decide",
        )


def arms_of(plan: ExperimentPlan | None) -> list[Arm]:
    """The arms of a publication; without a test, or without named arms, the one."""
    if plan is None or not plan.arms:
        return [Arm()]
    return [Arm(name=arm.name, variant=arm.variant, share=arm.share) for arm in plan.arms]


def experiment_of(plan: ExperimentPlan) -> Experiment:
    """The test as it is kept."""
    return Experiment(
        metric=plan.metric,
        share=plan.share,
        hold_out=plan.hold_out,
        decide_after=int(plan.decide_after.total_seconds()) if plan.decide_after else None,
        decide_at=plan.decide_at,
        automatic=plan.automatic,
        figures=[],
    )
