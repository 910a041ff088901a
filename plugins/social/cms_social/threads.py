"""Several posts as one publication: sent one after the other, and never left half-way without a word."""

from collections.abc import Callable
from typing import TypeVar

from cms_core import ChannelError, OutcomeUnknown, Refused

Sent = TypeVar("Sent")


def send_all(
    count: int, send: Callable[[int, list[Sent]], Sent], take_back: Callable[[Sent], None]
) -> list[Sent]:
    """Send ``count`` posts; each is told of those before it.

    When the first one fails, nothing is public and its error says it all. When a later one is refused, those before it are taken
    back. When it fails in another way, the outcome is not known: trying again with the same keys carries on where it stopped.
    """
    sent: list[Sent] = []
    for number in range(count):
        try:
            sent.append(send(number, sent))
        except Refused as error:
            _take_back(sent, take_back, error, count)
            raise
        except ChannelError as error:
            if not sent:
                raise
            raise OutcomeUnknown(_so_far(sent, count, error)) from error
    return sent


def _take_back(sent: list[Sent], take_back: Callable[[Sent], None], error: Refused, count: int) -> None:
    try:
        for each in reversed(sent):
            take_back(each)
    except ChannelError as again:
        raise OutcomeUnknown(
            f"{_so_far(sent, count, error)}; they could not be taken back: {again.reason}"
        ) from again


def _so_far(sent: list[Sent], count: int, error: ChannelError) -> str:
    return f"{len(sent)} of {count} posts of the thread are public: {error.reason}"
