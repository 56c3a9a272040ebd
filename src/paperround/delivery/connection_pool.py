"""Several connections to one relay, driven by one thread and a selector.

The pool moves letters between those who decide:

    LetterQueue        which letter is sent next, and when
    ConnectionBudget   how many connections the relay allows
    Failover           which relay is used
    OutcomeBuffer      when outcomes are reported

It starts with one connection and opens another after each accepted letter, up to the configured number. A relay that
refuses a further connection, or ends one with 421, gets fewer; that is not a failure. Only when no connection is left
and none can be opened is the next relay tried, and only after the last relay does sending stop.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterator, Sequence

from paperround.delivery.connection_budget import ConnectionBudget
from paperround.delivery.connection_opener import ConnectionOpener, OpenedConnection
from paperround.delivery.failover import Failover
from paperround.delivery.letter_queue import LetterQueue
from paperround.delivery.outcome_buffer import OutcomeBuffer
from paperround.delivery.relay import RelaySettings
from paperround.delivery.smtp_connection import ConnectionFailedError
from paperround.delivery.smtp_session import SmtpSession, outcome
from paperround.domain.errors import TransportError
from paperround.domain.models import Letter, Outcome, Stage
from paperround.process import logs
from paperround.process.threads import BackgroundThread

log = logs.logger()

_QUIT_SECONDS = 5.0  # for all answers to QUIT
_STOP_SECONDS = 20.0  # for the answers to letters under way once the program is stopping
_LOOK_SECONDS = 0.5  # between looks at whether it is, and at deadlines
_NEVER = float("inf")


class ConnectionPool:
    """Sends letters over up to `connections` connections to the first relay that can be reached."""

    def __init__(
        self,
        relays: Sequence[RelaySettings],
        letters: Iterator[Letter],
        report: Callable[[Sequence[Outcome]], None],
        *,
        connections: int,
        max_per_connection: int,
        max_in_doubt: int,
        wait: Callable[[float], float],
        is_stopping: Callable[[], bool],
    ) -> None:
        """`report` takes groups of outcomes. `is_stopping` returns whether the program is about to end. The other
        parameters are those of SmtpTransport and its pace.
        """
        self._letters = LetterQueue(letters, max_in_doubt, wait)
        self._outcomes = OutcomeBuffer(report, max_in_doubt)
        self._budget = ConnectionBudget(connections)
        self._failover = Failover(relays, max_per_connection)
        self._opener = ConnectionOpener()
        self._selector = selectors.DefaultSelector()
        self._sessions: dict[SmtpSession, int] = {}
        """The open sessions, each with the events that the selector watches for."""
        self._may_open_at = _NEVER
        """When a connection that is needed may be opened, by the monotonic clock; infinity if none is needed."""
        self._listened_at = time.monotonic()
        """When the selector last returned, by the monotonic clock."""
        self._busy_seconds = 0.0
        """How long it did not listen since deadlines were looked at."""
        self._is_stopping = is_stopping
        self._look_at = 0.0
        """When to look at deadlines again even if the selector reports something, by the monotonic clock."""
        self._end_at = _NEVER
        """When connections are closed even if letters are under way, by the monotonic clock; infinity until the
        program is stopping.
        """
        self._error: BaseException | None = None

    def run(self) -> None:
        """Send until there are no more letters, and raise the error that ended it before.

        The work is done on a separate thread, so that an interrupt stops drawing but not the letters under way. For
        these the relay gets some seconds, then they are in doubt, or queued if it cannot have accepted them.
        """
        thread = BackgroundThread(self._work, "relay")
        thread.start()
        try:
            thread.join()
        except BaseException:
            self._stop()
            self._opener.wake()
            thread.join()
            raise
        if self._error:
            raise self._error

    # The loop

    def _work(self) -> None:
        try:
            self._selector.register(self._opener.woken, selectors.EVENT_READ)
            self._offer_letters()
            while self._busy():
                self._poll()
                self._offer_letters()
            self._report_outcomes()
            if self._end_at > time.monotonic():
                self._quit_all()
        except BaseException as error:  # noqa: BLE001 - raised again in run()
            self._fail(error)
        finally:
            for session in list(self._sessions):
                session.expire()
                self._settle(session)
            self._report_remaining()
            self._opener.close()
            self._selector.close()

    def _stop(self) -> None:
        """Draw no further letters, and give the relay some seconds to answer those under way. Any thread may call
        this.
        """
        self._letters.stop()
        self._end_at = min(self._end_at, time.monotonic() + _STOP_SECONDS)

    def _busy(self) -> bool:
        letters = self._letters
        if self._end_at <= time.monotonic():
            return False  # what is under way ends with the connections
        if letters.retries or letters.has_more:
            return True
        return any(letters.has_prefetched or not session.idle for session in self._sessions)

    def _poll(self) -> None:
        """Wait for the relay and handle its replies."""
        self._open_connections()
        ready = self._events()
        for key, events in ready:
            if key.data is None:
                for opened in self._opener.opened():
                    self._add_connection(opened)
            else:
                self._serve(key.data, events)
        now = time.monotonic()
        if not ready or now >= self._look_at:
            self._look(now)
        if self._outcomes.due_at <= now:
            self._report_outcomes()

    def _look(self, now: float) -> None:
        """See whether the program is stopping and which sessions have timed out."""
        self._look_at = now + _LOOK_SECONDS
        if self._end_at == _NEVER and self._is_stopping():
            self._stop()
        self._extend_deadlines()
        for session in [session for session in self._sessions if session.deadline() <= now]:
            session.expire()
            self._settle(session)

    def _extend_deadlines(self) -> None:
        """Let the relay's timeout count only while this thread listens: building letters takes time too."""
        for session in self._sessions:
            session.allow(self._busy_seconds)
        self._busy_seconds = 0.0

    def _events(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what the selector reports; as long as that is nothing, prefetch letters."""
        while True:
            may_prefetch = self._may_prefetch()
            self._busy_seconds += time.monotonic() - self._listened_at
            ready = self._selector.select(0 if may_prefetch else self._poll_timeout())
            self._listened_at = time.monotonic()
            if ready or not may_prefetch:
                return ready
            if letter := self._draw():
                self._letters.add_prefetched(letter)

    def _poll_timeout(self) -> float:
        """Return the seconds until something has to be done even if the relay sends nothing."""
        self._extend_deadlines()
        now = time.monotonic()
        moments = [session.deadline() for session in self._sessions]
        # A letter's turn and the end of a pause may have come since they held something up.
        look_at = now + _LOOK_SECONDS if self._end_at == _NEVER else self._end_at
        soonest = min((look_at, self._outcomes.due_at, self._letters.next_turn_at, self._may_open_at, *moments))
        return max(0.0, soonest - now)

    def _serve(self, session: SmtpSession, events: int) -> None:
        if events & selectors.EVENT_READ:
            session.receive(self._next_letter)
        if events & selectors.EVENT_WRITE and not session.ended:
            session.flush()
        self._settle(session)

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._letters.stop()

    def _quit_all(self) -> None:
        until = time.monotonic() + _QUIT_SECONDS
        while self._sessions and (left := until - time.monotonic()) > 0:
            for session in self._sessions:
                session.quit()
            for key, events in self._selector.select(left):
                if key.data is None:
                    self._opener.discard()
                else:
                    self._serve(key.data, events)

    # Letters

    def _offer_letters(self) -> None:
        """Give letters to the sessions with room, or draw the first, for which a connection is opened."""
        self._letters.begin_round()
        for session in list(self._sessions):
            while session.has_room() and (letter := self._next_letter(session)):
                session.offer(letter)
                self._settle(session)
        if self._sessions or self._letters.awaiting_connection:
            return
        if letter := self._letters.take() or self._draw():
            self._letters.add_pending(letter)

    def _next_letter(self, session: SmtpSession) -> Letter | None:
        """Return the next letter for this session; one that lost its connection waits for a new one if possible."""
        if self._letters.retries and (session.letters == 0 or not self._expects_connection()):
            return self._letters.take_retry()
        return self._letters.take() or self._draw()

    def _may_prefetch(self) -> bool:
        """Return whether a letter may be drawn while the relay is being waited for.

        None is if the relay is slow: a letter is to be sent soon after it was checked that it is still wanted.
        """
        return self._letters.may_prefetch(len(self._sessions)) and all(session.prompt for session in self._sessions)

    def _draw(self) -> Letter | None:
        if not self._letters.places:
            self._report_outcomes()  # frees the places of answered letters
        try:
            return self._letters.draw()
        except BaseException as error:  # noqa: BLE001 - raised again in run()
            self._fail(error)
            return None

    def _settle(self, session: SmtpSession) -> None:
        """Take a session's results, and close the session if it has ended or carried its last letter."""
        if session.ended:
            self._close(session)
        if session.results:
            results, session.results = session.results, []
            for result in results:
                self._answer(result)
        if session.ended:
            return
        if session.used_up and session.idle:
            session.quit()
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if session.wants_write else 0)
        if events != self._sessions[session]:
            self._selector.modify(session.socket, events, session)
            self._sessions[session] = events

    def _close(self, session: SmtpSession) -> None:
        """Close a session that has ended, and send its letters again that the relay cannot have accepted."""
        self._selector.unregister(session.socket)
        session.close()
        del self._sessions[session]
        self._budget.closed()
        for letter, result in session.returned:
            if not self._letters.retry(letter):
                self._answer(result)

    # Outcomes

    def _answer(self, result: Outcome) -> None:
        self._letters.answered(result.delivery)
        if result.accepted:
            self._budget.accepted()
        else:
            self._adjust_connections(result)
        if self._outcomes.add(result):
            self._report_outcomes()

    def _report_outcomes(self, *, again: bool = False) -> None:
        """Report the outcomes so far, `again` if that has failed before."""
        try:
            self._letters.recorded(self._outcomes.flush(again=again))
        except BaseException as error:  # noqa: BLE001 - raised again in run()
            self._fail(error)

    def _report_remaining(self) -> None:
        """Report the letters that no connection took, and once more what could not be recorded before."""
        for letter in self._letters.remaining():
            self._outcomes.add(outcome(letter, Stage.CONNECT, None, "not attempted: sending stopped", ""))
        self._report_outcomes(again=True)

    # Connections

    def _expects_connection(self) -> bool:
        """Return whether there is, or will be, a connection that has carried no letter yet."""
        if self._opener.under_way or any(session.letters == 0 for session in self._sessions):
            return True
        return self._budget.allows_another(len(self._sessions))

    def _open_connections(self) -> None:
        """Start to open the connections that are needed, or note when that is allowed."""
        now = time.monotonic()
        self._may_open_at = _NEVER
        while self._needs_connection():
            if now < self._budget.closed_until:
                self._may_open_at = self._budget.closed_until
                return
            self._budget.opening()
            self._opener.open(*self._failover.next_connection())

    def _needs_connection(self) -> bool:
        opening = self._opener.under_way
        if not self._budget.allows_another(len(self._sessions) + opening):
            return False
        if waiting := self._letters.awaiting_connection:
            return opening < waiting
        if opening or self._letters.ended or not self._sessions:
            return False
        return not any(session.has_room() for session in self._sessions)

    def _add_connection(self, opened: OpenedConnection) -> None:
        if opened.error:
            self._give_up(opened.error)
        elif opened.refused:
            self._handle_refusal(opened.refused, opened.name)
        elif opened.session:
            self._failover.connected()
            opened.session.window = self._budget.window
            self._sessions[opened.session] = selectors.EVENT_READ
            self._selector.register(opened.session.socket, selectors.EVENT_READ, opened.session)

    def _handle_refusal(self, refused: ConnectionFailedError, name: str) -> None:
        """Handle a refused connection: continue with fewer, try again, try the next relay, or give up."""
        if others := len(self._sessions) + self._opener.under_way:
            self._budget.refused(others)
            self._letters.requeue_retries()
        elif not self._letters.stopped and (delay := self._failover.retry_delay(refused.reply)):
            self._budget.pause(delay)
        elif self._failover.advance():
            log.warning("relay failed; trying the next one", relay=name, problem=str(refused))
            self._budget.start_over()
        else:
            if letter := next(self._letters.remaining(), None):
                self._outcomes.add(outcome(letter, *refused.reply, name))
            self._give_up(TransportError(f"{name.partition('#')[0]}: {refused}"))

    def _give_up(self, error: BaseException) -> None:
        """Stop because no connection can be opened; the letters that wait for one stay queued."""
        self._fail(error)
        self._letters.requeue_retries()

    def _adjust_connections(self, result: Outcome) -> None:
        """Use fewer connections after a letter that was not accepted, or stop if they end again and again."""
        self._budget.not_accepted(result, len(self._sessions))
        for session in self._sessions:
            session.window = self._budget.window
        if self._budget.unstable:
            self._fail(TransportError(f"{result.connection}: connections repeatedly end early: {result.text}"))
