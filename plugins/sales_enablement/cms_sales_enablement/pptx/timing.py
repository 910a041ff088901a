"""The animations of a slide: what is shown when, told by the numbers of shapes."""

from collections.abc import Collection

from cms_sales_enablement.pptx.package import Element

P = "http://schemas.openxmlformats.org/presentationml/2006/main"
TARGETS = (f"{{{P}}}spTgt", f"{{{P}}}inkTgt")
STEPS = (f"{{{P}}}childTnLst", f"{{{P}}}subTnLst")
TIMING, BUILDS = f"{{{P}}}timing", f"{{{P}}}bldLst"


def forget(root: Element, shapes: Collection[str]) -> None:
    """Take out each step that moves one of these shapes or waits for it, and what is empty then."""
    if not shapes:
        return
    for timing in list(root.iter(TIMING)):
        for target in [each for each in timing.iter(*TARGETS) if each.get("spid") in shapes]:
            take_out(target)
        for build in [
            each for each in timing.iter() if each.get("spid") in shapes and each.tag not in TARGETS
        ]:
            _remove_with_hollow(build, BUILDS)
        if next(timing.iter(*STEPS), None) is None:
            _remove(timing)


def take_out(target: Element) -> None:
    """Take out the step that a target belongs to; a list of steps that is empty then takes its own step along."""
    step = next((each for each in (target, *target.iterancestors()) if _is_step(each)), None)
    if step is None:  # its step was taken out already
        return
    steps = step.getparent()
    _remove(step)
    if steps is not None and len(steps) == 0:
        if steps.tag == STEPS[1] or not _is_under_step(steps):
            _remove(steps)
        else:
            take_out(steps)


def _is_step(element: Element) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag in STEPS


def _is_under_step(steps: Element) -> bool:
    return any(_is_step(each) for each in steps.iterancestors())


def _remove_with_hollow(element: Element, hollow: str) -> None:
    parent = element.getparent()
    _remove(element)
    if parent is not None and parent.tag == hollow and len(parent) == 0:
        _remove(parent)


def _remove(element: Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
