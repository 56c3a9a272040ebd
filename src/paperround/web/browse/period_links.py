"""The links of a page with the papers of a day, a week or a month: to other periods, views and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from paperround.rendering.language import Language
from paperround.web.browse.periods import Period, View
from paperround.web.context import WebContext


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link to another period or view."""

    href: str
    label: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class PeriodLinks:
    """The links of one page."""

    context: WebContext
    language: Language
    period: Period
    topic: str
    """The slug of the topic whose papers are shown; empty for all papers."""
    newest: date | None
    """The newest day with papers, whose address has no date."""

    def canonical(self) -> str:
        """Return the canonical path of the first page."""
        query = {"topic": self.topic} if self.topic else {}
        if self.period.view is not View.DAY:
            query["view"] = self.period.view.value
        if self.newest is None or not self.period.first <= self.newest <= self.period.last:
            query["date"] = self.period.first.isoformat()
        return f"/?{urlencode(query)}" if query else "/"

    def page(self, number: int) -> str:
        """Return the address of another page of the same papers."""
        address = self.canonical()
        if number == 1:
            return f"{self.context.home}{address}"
        return f"{self.context.home}{address}{'&' if '?' in address else '?'}page={number}"

    def earlier(self) -> PageLink | None:
        """Return the link to the last earlier period with papers, or None."""
        return self._neighbor(self.context.app.store.browsing.day_before(self.period.first))

    def later(self) -> PageLink | None:
        """Return the link to the next later period with papers, or None."""
        return self._neighbor(self.context.app.store.browsing.day_after(self.period.last, self.context.today))

    def views(self) -> list[PageLink]:
        """Return links to the day, the week and the month."""
        labels = {
            View.DAY: self.language.gettext("Day"),
            View.WEEK: self.language.gettext("Week"),
            View.MONTH: self.language.gettext("Month"),
        }
        return [
            PageLink(self._address(self.period.seen_as(view), self.topic), label, view is self.period.view)
            for view, label in labels.items()
        ]

    def nearest_days(self) -> list[PageLink]:
        """Return links from a period without papers to the nearest days with papers, each with their number."""
        browsing = self.context.app.store.browsing
        days = browsing.day_before(self.period.first), browsing.day_after(self.period.last, self.context.today)
        return [self._day(day, browsing.count(day, day)) for day in days if day]

    def _day(self, day: date, papers: int) -> PageLink:
        number = self.language.count("%(num)s paper", "%(num)s papers", papers)
        label = f"{self.language.weekday_date(day)} · {number}"
        return PageLink(self._address(Period(View.DAY, day), ""), label)

    def _neighbor(self, day: date | None) -> PageLink | None:
        if day is None:
            return None
        period = self.period.at(day)
        return PageLink(self._address(period, self.topic), period.short(self.language))

    def _address(self, period: Period, topic: str) -> str:
        query = {"date": period.day.isoformat()}
        if period.view is not View.DAY:
            query["view"] = period.view.value
        if topic:
            query["topic"] = topic
        return f"{self.context.home}/?{urlencode(query)}"
