"""The states of jobs as they were stored, read again."""

import logging
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from pangea.core.verdict import JobState

log = logging.getLogger(__name__)


def decoded(packed: Mapping[int, bytes]) -> Iterator[JobState]:
    """Yield the states by job; one that this version cannot read begins anew."""
    for job, state in packed.items():
        try:
            found = msgspec.msgpack.decode(state, type=JobState)
        except msgspec.DecodeError as error:
            log.warning("forgot the verdict of job %d: %s", job, error)
        else:
            yield replace(found, job=job)
