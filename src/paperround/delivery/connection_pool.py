"""Several connections to one relay, driven by one thread and a selector.

The pool starts with one connection and opens another after each accepted letter, up to the configured number. A
relay that refuses a further connection, or ends one with 421, gets fewer; that is not a failure. Only when no
connection is left and none can be opened is the next relay tried, and only after the last relay does sending stop.

Outcomes are reported in groups: when half of the letters that may be in doubt are answered, 50 ms after the first of
a group, and at once when a letter is refused, since that may pause everything.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from paperround.delivery.relay import RelaySettings
from paperround.delivery.smtp_session import (
    WINDOW,
    ConnectionFailedError,
    Reply,
    SmtpSession,
    open_session,
    outcome,
)
from paperround.domain.errors import TransportError
from paperround.domain.models import Letter, Outcome, Stage
from paperround.domain.reply_codes import SERVICE_ENDS
from paperround.process import logs
from paperround.process.threads import BackgroundThread

log = logs.logger()

_REOPEN_PAUSES = (0.2, 1.0, 3.0)  # seconds between attempts; a server may notice the end of a connection late
_COOLDOWN_SECONDS = 1.0  # after a 421 on the only connection
_REGROWS_AFTER = 100  # accepted letters, after which one more connection is tried again
_GROUP_SECONDS = 0.05  # that an outcome waits to be recorded together with others
_QUIT_SECONDS = 5.0  # for all answers to QUIT


@dataclass(frozen=True, slots=True)
class _Opened:
    """The result of opening a connection."""

    name: str
    session: SmtpSession | None = None
    refused: ConnectionFailedError | None = None
    error: BaseException | None = None


class _Opener:
    """Opens connections on separate threads, since greeting, TLS and login block several times."""

    def __init__(self) -> None:
        self._opened: queue.SimpleQueue[_Opened] = queue.SimpleQueue()
        self.woken, self._wake = socket.socketpair()
        self.woken.setblocking(False)
        self._lock, self._closed = threading.Lock(), False
        self.under_way = 0

    def open(self, name: str, opening: Callable[[], SmtpSession]) -> None:
        """Start to open a connection; `opened` returns it once `woken` is readable."""
        self.under_way += 1
        threading.Thread(target=self._open, args=(name, opening), name=name, daemon=True).start()

    def opened(self) -> list[_Opened]:
        """Return the connections opened or refused since the last call."""
        with contextlib.suppress(OSError):  # nothing more to read, or the socket is closed
            while self.woken.recv(64):
                pass
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._opened.get_nowait())
        self.under_way -= len(found)
        return found

    def wake(self) -> None:
        """Wake the selector."""
        with self._lock:
            if not self._closed:
                self._wake.send(b"\0")

    def close(self) -> None:
        """Stop without waiting; a connection that is opened later is closed at once."""
        with self._lock:
            self._closed = True
        self.discard()
        self.woken.close()
        self._wake.close()

    def _open(self, name: str, opening: Callable[[], SmtpSession]) -> None:
        try:
            opened = _Opened(name, session=opening())
        except ConnectionFailedError as refused:
            opened = _Opened(name, refused=refused)
        except BaseException as error:  # noqa: BLE001 - raised again by the pool
            opened = _Opened(name, error=error)
        self._opened.put(opened)
        self.wake()
        if self._closed:
            self.discard()

    def discard(self) -> None:
        """Close connections that were opened too late."""
        for opened in self.opened():
            if opened.session:
                opened.session.quit()
                opened.session.close()


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
    ) -> None:
        self._relays, self._letters, self._report, self._wait = relays, letters, report, wait
        self._connections, self._max_per_connection = connections, max_per_connection
        self._max_in_doubt = max_in_doubt
        self._contexts: dict[int, ssl.SSLContext | None] = {}
        self._serial = itertools.count(1)
        self._stop = threading.Event()
        self._opener = _Opener()
        self._selector = selectors.DefaultSelector()
        self._sessions: dict[SmtpSession, int] = {}
        """The open sessions, each with the events that the selector watches for."""
        self._pending: deque[Letter] = deque()
        """Letters drawn, for the next connection that has room."""
        self._prefetched: deque[Letter] = deque()
        """Letters drawn while the relay had not answered, for the next connections that have room."""
        self._retries: deque[Letter] = deque()
        """Letters for a new connection: their first one ended before the relay can have accepted them."""
        self._second_try: set[int] = set()
        self._answered: list[Outcome] = []
        self._answered_at = 0.0
        self._under_way = 0
        """The number of letters drawn whose outcome is not recorded."""
        self._next_send_at: float | None = None
        """When the next letter may be sent, by the monotonic clock; None if no turn is reserved."""
        self._held_back = False
        """Whether a connection could take a letter whose turn has not come yet."""
        self._error: BaseException | None = None
        self._unrecorded = self._exhausted = False
        self._wanted = connections
        self._openings = 1
        """How many more connections may be opened at the moment."""
        self._cooldown_until = 0.0
        self._cooling_down = False
        """Whether a connection is needed that may not be opened before `_cooldown_until`."""
        self._window = WINDOW
        self._listened_at = time.monotonic()
        """When the selector last returned, by the monotonic clock."""
        self._relay = 0
        self._reached = False  # whether a connection to this relay was ever opened
        self._pauses = iter(_REOPEN_PAUSES)
        self._accepted = 0
        self._lost_in_a_row: set[str] = set()
        """The connections that ended early since a letter was accepted or refused."""

    def run(self) -> None:
        """Send until there are no more letters, and raise the error that ended it before.

        The work is done on a separate thread, so that an interrupt stops drawing but not the letters under way.
        """
        thread = BackgroundThread(self._work, "relay")
        thread.start()
        try:
            thread.join()
        except BaseException:
            self._stop.set()
            self._opener.wake()
            thread.join()
            raise
        if self._error:
            raise self._error

    def _work(self) -> None:
        try:
            self._selector.register(self._opener.woken, selectors.EVENT_READ)
            self._hand_out()
            while self._busy():
                self._poll()
                self._hand_out()
            self._record()
            self._say_goodbye()
        except BaseException as error:  # noqa: BLE001 - raised again in run()
            self._fail(error)
        finally:
            for session in list(self._sessions):
                session.expire()
                self._settle(session)
            self._report_remaining()
            self._opener.close()
            self._selector.close()

    def _busy(self) -> bool:
        if self._retries or any(self._prefetched or not session.idle for session in self._sessions):
            return True
        return not self._stop.is_set() and bool(self._pending or self._prefetched or not self._exhausted)

    def _poll(self) -> None:
        """Wait for the relay and handle its replies."""
        self._open_more()
        ready = self._events()
        for key, events in ready:
            if key.data is None:
                for opened in self._opener.opened():
                    self._add_connection(opened)
            else:
                self._serve(key.data, events)
        now = time.monotonic()
        for session in [one for one in self._sessions if one.deadline <= now]:
            session.expire()
            self._settle(session)
        if self._answered and now >= self._answered_at + _GROUP_SECONDS:
            self._record()

    def _events(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what the selector reports; as long as that is nothing, prefetch letters."""
        while True:
            may_prefetch = self._may_prefetch()
            # The relay's timeout counts only while this thread listens: building letters takes time too.
            busy = time.monotonic() - self._listened_at
            for session in self._sessions:
                session.allow(busy)
            ready = self._selector.select(0 if may_prefetch else self._poll_timeout())
            self._listened_at = time.monotonic()
            if ready or not may_prefetch:
                return ready
            if letter := self._draw():
                self._prefetched.append(letter)

    def _hand_out(self) -> None:
        self._held_back = False
        for session in list(self._sessions):
            while session.room and (letter := self._next_for(session)):
                session.offer(letter)
                self._settle(session)
        if not self._sessions and not self._pending and not self._retries and (letter := self._prefetched_or_drawn()):
            self._pending.append(letter)  # a letter that a connection is opened for

    def _next_for(self, session: SmtpSession) -> Letter | None:
        """Return the next letter for this session; one that lost its connection waits for a new one if possible."""
        if self._retries and (session.letters == 0 or not self._expects_connection()):
            return self._retries.popleft()
        if self._pending and not self._stop.is_set():
            return self._pending.popleft()
        return self._prefetched_or_drawn()

    def _prefetched_or_drawn(self) -> Letter | None:
        """Return a letter that was drawn ahead or, if there is none, draw one."""
        return self._prefetched.popleft() if self._prefetched else self._draw()

    @property
    def _may_draw(self) -> bool:
        """Whether there may be another letter, and it may be under way with the others."""
        return self._under_way < self._max_in_doubt and not (self._stop.is_set() or self._exhausted)

    def _may_prefetch(self) -> bool:
        """Return whether a letter may be built while the relay is being waited for.

        There is one for each connection at most, and none if the relay is slow: a letter is to be sent soon after it
        was checked that it is still wanted.
        """
        if not self._may_draw or (self._next_send_at is not None and self._next_send_at > time.monotonic()):
            return False
        return len(self._prefetched) < len(self._sessions) and all(session.prompt for session in self._sessions)

    def _draw(self) -> Letter | None:
        if self._under_way >= self._max_in_doubt:
            self._record()  # frees the places of answered letters
        if not self._may_draw:
            return None
        now = time.monotonic()
        if self._next_send_at is None:
            self._next_send_at = now + self._wait(now)
        if now < self._next_send_at:
            self._held_back = True
            return None
        try:
            letter = next(self._letters, None)
        except BaseException as error:  # noqa: BLE001 - raised again in run()
            self._fail(error)
            return None
        if letter is None:
            self._exhausted = True
            return None
        self._next_send_at = None
        self._under_way += 1
        return letter

    def _serve(self, session: SmtpSession, events: int) -> None:
        if events & selectors.EVENT_READ:
            session.receive(lambda: self._next_for(session))
        if events & selectors.EVENT_WRITE and not session.ended:
            session.flush()
        self._settle(session)

    def _settle(self, session: SmtpSession) -> None:
        """Take a session's results, and close the session if it has ended or carried its last letter."""
        results, session.results = session.results, []
        if session.ended and session in self._sessions:
            self._selector.unregister(session.socket)
            session.close()
            del self._sessions[session]
            self._openings += 1
            self._lose(session)
        for letter, reply in results:
            self._answer(letter, reply, session.name)
        if session not in self._sessions:
            return
        if session.used_up and session.idle:
            session.quit()
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if session.wants_write else 0)
        if events != self._sessions[session]:
            self._selector.modify(session.socket, events, session)
            self._sessions[session] = events

    def _lose(self, session: SmtpSession) -> None:
        """Send letters that the relay cannot have accepted again at once, one time each."""
        for letter, reply in session.returned:
            if letter.delivery in self._second_try:
                self._answer(letter, reply, session.name)
            else:
                self._second_try.add(letter.delivery)
                self._retries.append(letter)

    def _answer(self, letter: Letter, reply: Reply, name: str) -> None:
        self._second_try.discard(letter.delivery)
        result = outcome(letter, reply, name)
        if not self._answered:
            self._answered_at = time.monotonic()
        self._answered.append(result)
        self._learn(result)
        if not result.accepted or 2 * len(self._answered) >= self._max_in_doubt:
            self._record()

    def _record(self) -> None:
        """Report the outcomes so far; if that has failed once, try again only at the very end."""
        if not self._answered or self._unrecorded:
            return
        try:
            self._report(self._answered)
        except BaseException as error:  # noqa: BLE001 - raised again in run()
            self._unrecorded = True
            self._fail(error)
            return
        self._under_way -= len(self._answered)
        self._answered = []

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._stop.set()

    def _poll_timeout(self) -> float | None:
        """Return the seconds until something has to be done even if the relay sends nothing; None for no limit."""
        now = time.monotonic()
        moments = [session.deadline for session in self._sessions]
        if self._answered and not self._unrecorded:
            moments.append(self._answered_at + _GROUP_SECONDS)
        # These two moments may have passed since they held something up.
        if self._held_back and self._next_send_at is not None:
            moments.append(self._next_send_at)
        if self._cooling_down:
            moments.append(self._cooldown_until)
        soonest = min(moments, default=float("inf"))
        return None if soonest == float("inf") else max(0.0, soonest - now)

    # Connections

    def _expects_connection(self) -> bool:
        """Return whether there is, or will be, a connection that has carried no letter yet."""
        if self._opener.under_way or any(session.letters == 0 for session in self._sessions):
            return True
        return self._openings > 0 and len(self._sessions) < self._wanted

    def _open_more(self) -> None:
        now = time.monotonic()
        while (needed := self._needs_connection()) and now >= self._cooldown_until:
            self._openings -= 1
            number = self._relay
            relay, context = self._relays[number], self._context(number)
            name = f"{relay.host}:{relay.at_port}#{next(self._serial)}"
            self._opener.open(name, partial(open_session, relay, context, name, self._max_per_connection))
        self._cooling_down = needed

    def _needs_connection(self) -> bool:
        opening = self._opener.under_way
        if self._openings <= 0 or len(self._sessions) + opening >= self._wanted:
            return False
        if self._retries or self._pending:
            return opening < len(self._retries) + len(self._pending)
        return bool(self._sessions) and not (
            opening or self._exhausted or self._stop.is_set() or any(one.room for one in self._sessions)
        )

    def _context(self, number: int) -> ssl.SSLContext | None:
        if number not in self._contexts:
            self._contexts[number] = self._relays[number].context()
        return self._contexts[number]

    def _add_connection(self, opened: _Opened) -> None:
        if opened.error:
            self._give_up(opened.error)
        elif opened.refused:
            self._handle_refusal(opened.refused, opened.name)
        elif opened.session:
            self._reached, self._pauses = True, iter(_REOPEN_PAUSES)
            opened.session.window = self._window
            self._sessions[opened.session] = selectors.EVENT_READ
            self._selector.register(opened.session.socket, selectors.EVENT_READ, opened.session)

    def _handle_refusal(self, refused: ConnectionFailedError, name: str) -> None:
        """Handle a refused connection: continue with fewer, retry, try the next relay, or give up."""
        if working := len(self._sessions) + self._opener.under_way:
            self._wanted = max(1, min(self._wanted, working))
            self._second_try.difference_update(letter.delivery for letter in self._retries)
            self._pending.extendleft(reversed(self._retries))
            self._retries.clear()
            return
        self._openings = 1
        may_pass = self._reached and refused.reply.stage is Stage.CONNECT and not self._stop.is_set()
        if may_pass and (pause := next(self._pauses, None)):
            self._cooldown_until = time.monotonic() + pause
            return
        if self._relay + 1 < len(self._relays):
            log.warning("relay failed; trying the next one", relay=name, problem=str(refused))
            self._relay, self._reached, self._wanted = self._relay + 1, False, self._connections
            return
        if letter := next(self._remaining(), None):
            self._answered.append(outcome(letter, refused.reply, name))
        self._give_up(TransportError(f"{name.partition('#')[0]}: {refused}"))

    def _give_up(self, error: BaseException) -> None:
        """Stop because no connection can be opened; the letters that wait for one stay queued."""
        self._fail(error)
        self._pending += self._retries
        self._retries.clear()

    def _remaining(self) -> Iterator[Letter]:
        """Yield the letters that no connection has taken."""
        while found := self._retries or self._pending or self._prefetched:
            yield found.popleft()

    def _report_remaining(self) -> None:
        """Report the letters that no connection took, and once more what could not be recorded before."""
        stopped = Reply(Stage.CONNECT, None, "not attempted: sending stopped")
        self._answered += (outcome(letter, stopped, "") for letter in self._remaining())
        self._unrecorded = False
        self._record()

    def _learn(self, result: Outcome) -> None:
        """Adjust the number of connections to the outcome of a letter."""
        if result.accepted:
            self._grow()
        elif result.code is None or result.code == SERVICE_ENDS:
            self._count_loss(result)
            if result.code:
                self._step_back()
        else:
            self._lost_in_a_row.clear()

    def _grow(self) -> None:
        self._lost_in_a_row.clear()
        self._accepted += 1
        self._openings = min(self._openings + 1, self._connections)
        if self._accepted % _REGROWS_AFTER == 0:
            self._wanted = min(self._wanted + 1, self._connections)

    def _count_loss(self, result: Outcome) -> None:
        self._lost_in_a_row.add(result.connection)
        if result.code is None and result.stage is Stage.FINAL:
            # Each letter in doubt may reach its subscriber twice: a relay that loses connections gets one at a time.
            self._window = 1
            for session in self._sessions:
                session.window = 1
        # A restart of the relay may end each connection; more losses are a problem of the relay itself.
        if len(self._lost_in_a_row) > 2 * self._connections + 2:
            self._fail(TransportError(f"{result.connection}: connections repeatedly end early: {result.text}"))

    def _step_back(self) -> None:
        """Continue with one connection fewer after a 421, which has ended one, or pause if it was the only one."""
        self._wanted = max(1, len(self._sessions))
        if not self._sessions:
            self._cooldown_until = time.monotonic() + _COOLDOWN_SECONDS

    def _say_goodbye(self) -> None:
        until = time.monotonic() + _QUIT_SECONDS
        while self._sessions and (left := until - time.monotonic()) > 0:
            for session in self._sessions:
                session.quit()
            for key, events in self._selector.select(left):
                if key.data is None:
                    self._opener.discard()
                else:
                    self._serve(key.data, events)
