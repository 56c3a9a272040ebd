"""When a job with a cron schedule in a time zone runs, also on days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

_TICK = timedelta(microseconds=1)
_MAX_GAP = timedelta(hours=3)  # clocks are put forward by one hour, or by two at Troll in Antarctica


class LocalCronTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A cron schedule in a time zone, read as digests' times are (see `domain.schedule.next_digest_at`).

    A local time that a clock change skips is interpreted with the offset before the gap, one that comes twice as its
    first occurrence. APScheduler's own trigger computes with a mixture of local and elapsed time: on the day after
    clocks have been put forward it leaves out schedules between midnight and one, the weekly ones for a week, and it
    runs daily ones twice when clocks are put back.
    """

    def __init__(self, schedule: str, timezone: str) -> None:
        self._local = CronTrigger.from_crontab(schedule, timezone=UTC)  # applied to local times
        self._zone = ZoneInfo(timezone)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first time of the schedule after the previous one, or from `now` on if there is none, or if the
        clock was set back to before it.
        """
        start = previous_fire_time + _TICK if previous_fire_time and previous_fire_time <= now else now
        # A skipped time is due up to the length of the gap after it, and so perhaps after later local times.
        local: datetime | None = self._local_time(start) - (_MAX_GAP if self._changed_before(start) else _TICK)
        first: datetime | None = None
        while local := self._local.get_next_fire_time(None, local):
            if first and local > self._local_time(first):
                break
            due: datetime = local.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
            if due >= start and (first is None or due < first):
                first = due
            local += _TICK
        return first

    def _changed_before(self, moment: datetime) -> bool:
        """Return whether clocks were changed shortly before a moment; hardly ever, and looking back takes time."""
        local = moment.astimezone(self._zone)
        return (moment - _MAX_GAP).astimezone(self._zone).utcoffset() != local.utcoffset()

    def _local_time(self, moment: datetime) -> datetime:
        """Return the local time of a moment, marked as UTC, in which the schedule computes."""
        return moment.astimezone(self._zone).replace(tzinfo=UTC)
