"""Many machines on one PostgreSQL (extra ``[cluster]``): who ticks tells who works, through the queue of procrastinate.

The rows of publications and deliveries stay the truth, with their leases and fencing numbers. A job in the queue is a doorbell; it
is put there in the transaction that finds something due, by whichever `cms scheduler` has taken this second's round. Nothing is
lost with a job: a worker that hears nothing looks by itself every few seconds.
"""

from importlib.util import find_spec

from cms_core.config import Config


def available(config: Config) -> bool:
    """Whether this workspace can use the queue: its database is PostgreSQL and the extra is installed."""
    return config.database_url.startswith("postgresql") and find_spec("procrastinate") is not None
