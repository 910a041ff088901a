"""Trying again in place (stamina), for what surely was not done."""

import stamina
from stamina.instrumentation import LoggingOnRetryHook, set_on_retry_hooks

# By default stamina logs through structlog, which prints to stdout, where a command puts its one document.
set_on_retry_hooks([LoggingOnRetryHook])

LONGEST_WAIT = 5.0


def retrying(attempts: int, first_wait: float) -> stamina.RetryingCaller:
    """Calls up to ``attempts`` times, with waits that begin at ``first_wait`` seconds, double, and end at five seconds."""
    return stamina.RetryingCaller(
        attempts=attempts, wait_initial=first_wait, wait_max=LONGEST_WAIT, wait_jitter=first_wait
    )
