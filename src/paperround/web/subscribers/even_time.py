"""Respond to known and unknown addresses after the same time, so that the time does not reveal who is subscribed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from fastapi import Response
from starlette.concurrency import run_in_threadpool

# Known and unknown addresses cost the database nearly the same time; a fixed minimum hides the rest.
_EVEN_SECONDS = 0.04


async def respond_evenly(work: Callable[[], Response]) -> Response:
    """Run the work in a thread, and respond no earlier than after a fixed time."""
    started = time.perf_counter()
    response = await run_in_threadpool(work)
    await asyncio.sleep(max(0.0, started + _EVEN_SECONDS - time.perf_counter()))
    return response
