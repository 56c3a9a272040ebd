"""Several connections at work on one batch of letters, a thread each.

It begins with one connection and opens another after each letter that was taken, up to the number wanted. A
relay that turns a further connection away, or ends one with 421, gets fewer: that connection's letter goes back
to the others, and nothing has failed. Only when the last connection cannot be had is the next relay tried, and
only when there is none left does the sending stop.
"""

from __future__ import annotations

import itertools
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from paperround import logs
from paperround.delivery.conversation import Conversation, Dropped, Refused, Reply, open_conversation, outcome
from paperround.delivery.relay import Relay
from paperround.domain.errors import TransportError
from paperround.domain.models import Letter, Outcome, Stage

log = logs.logger()

_REOPENING = (0.2, 1.0, 3.0)  # seconds between tries; a server notices the end of a connection a moment late
_SERVICE_ENDS = 421
_REST = 1.0  # seconds after a 421 on the only connection
_REGROWS_AFTER = 100  # letters taken, until a relay that wanted fewer connections is asked for one more


class _Leave(Exception):  # noqa: N818
    """The connection is one too many."""


@dataclass
class _Line:
    """What one thread sends over."""

    conversation: Conversation | None = None

    def close(self) -> None:
        if self.conversation:
            self.conversation.quit()
            self.conversation = None


class Crew:
    """Sends one batch over up to `connections` connections to the first relay that can be reached."""

    def __init__(
        self,
        relays: Sequence[Relay],
        letters: Iterator[Letter],
        report: Callable[[Outcome], None],
        *,
        connections: int,
        max_per_connection: int,
        wait: Callable[[float], float],
    ) -> None:
        self._relays, self._letters, self._report = relays, letters, report
        self._connections, self._max_per_connection, self._wait = connections, max_per_connection, wait
        self._contexts: dict[int, ssl.SSLContext | None] = {}
        self._serial = itertools.count(1)
        self._stop = threading.Event()
        self._drawing = threading.Lock()
        self._state = threading.Lock()
        # Under _state:
        self._threads: list[threading.Thread] = []
        self._handed_back: deque[Letter] = deque()
        self._error: BaseException | None = None
        self._working = 0
        self._wanted = connections
        self._relay = 0
        self._reached = False  # whether this relay ever took us in
        self._exhausted = False
        self._taken = 0
        self._lost_in_a_row = 0

    def run(self) -> None:
        """Send until there are no more letters; raises what ended it before."""
        with self._state:
            self._hire()
        try:
            for thread in iter(self._still_working, None):
                thread.join()
        except BaseException:
            self._stop.set()
            for thread in iter(self._still_working, None):
                thread.join()
            raise
        for letter in self._handed_back:
            self._report(outcome(letter, Reply(Stage.CONNECT, None, "not attempted: the sending stopped"), ""))
        if self._error:
            raise self._error

    def _still_working(self) -> threading.Thread | None:
        with self._state:
            return next((thread for thread in self._threads if thread.is_alive()), None)

    def _hire(self) -> None:
        self._working += 1
        thread = threading.Thread(target=self._work, name=f"relay-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        line = _Line()
        try:
            while letter := self._draw():
                self._deliver(letter, line)
        except _Leave:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in run()
            self._fail(error)
        line.close()

    def _fail(self, error: BaseException) -> None:
        with self._state:
            self._error = self._error or error
            self._working -= 1
        self._stop.set()

    def _draw(self) -> Letter | None:
        self._stop.wait(self._wait(time.monotonic()))
        with self._drawing:
            letter = None
            if not self._handed_back and not self._stop.is_set():
                letter = next(self._letters, None)
                self._exhausted = letter is None
            if letter:
                return letter
            with self._state:
                # In one step with leaving: whoever hands a letter back counts on somebody still being here.
                if self._handed_back and not self._stop.is_set():
                    return self._handed_back.popleft()
                self._working -= 1
                return None

    def _deliver(self, letter: Letter, line: _Line) -> None:
        try:
            result = self._open(letter, line).transact(letter)
        except Dropped:  # idle for too long, or all its letters are used up: once more on a fresh connection
            conversation = self._open(letter, line)
            try:
                result = conversation.transact(letter)
            except Dropped as drop:
                result = outcome(letter, drop.reply, conversation.name)
        self._report(result)
        self._learn(result)

    def _open(self, letter: Letter, line: _Line) -> Conversation:
        """The line's connection, a new one where it has none that can be used."""
        if line.conversation and 0 < self._max_per_connection <= line.conversation.letters:
            line.close()
        if line.conversation and line.conversation.open:
            return line.conversation
        pauses = iter(_REOPENING)
        while True:
            number = self._relay
            relay = self._relays[number]
            name = f"{relay.host}:{relay.at_port}#{next(self._serial)}"
            try:
                line.conversation = open_conversation(relay, self._context(number), name)
            except Refused as refusal:
                self._cope(letter, refusal, name, pauses)
            else:
                self._reached = True
                return line.conversation

    def _context(self, number: int) -> ssl.SSLContext | None:
        with self._state:
            if number not in self._contexts:
                self._contexts[number] = self._relays[number].context()
            return self._contexts[number]

    def _cope(self, letter: Letter, refusal: Refused, name: str, pauses: Iterator[float]) -> None:
        """Return to try again; raises _Leave when the others go on without this connection."""
        with self._state:
            if self._working > 1:
                self._handed_back.append(letter)
                self._working -= 1
                self._wanted = max(1, min(self._wanted, self._working))
                raise _Leave
        may_pass = self._reached and refusal.reply.stage is Stage.CONNECT and not self._stop.is_set()
        if may_pass and (pause := next(pauses, None)):
            self._stop.wait(pause)
            return
        if self._relay + 1 < len(self._relays):
            log.warning("relay cannot be used; trying the next", relay=name, problem=str(refusal))
            self._relay, self._reached, self._wanted = self._relay + 1, False, self._connections
            return
        self._report(outcome(letter, refusal.reply, name))
        raise TransportError(f"{name.partition('#')[0]}: {refusal}; the letters stay queued")

    def _learn(self, result: Outcome) -> None:
        """What the outcome of a letter says about the relay; raises _Leave or TransportError."""
        if result.accepted:
            self._grow()
        elif result.code is None or result.code == _SERVICE_ENDS:
            self._count_loss(result)
            if result.code:
                self._step_back()
        else:
            self._lost_in_a_row = 0

    def _grow(self) -> None:
        with self._state:
            self._lost_in_a_row = 0
            self._taken += 1
            if self._taken % _REGROWS_AFTER == 0:
                self._wanted = min(self._wanted + 1, self._connections)
            if self._working < self._wanted and not self._exhausted and not self._stop.is_set():
                self._hire()

    def _count_loss(self, result: Outcome) -> None:
        with self._state:
            self._lost_in_a_row += 1
            # Each connection may have lost one when the relay was restarted; more than that is the relay itself.
            hopeless = self._lost_in_a_row > 2 * self._connections + 2
        if hopeless:
            raise TransportError(f"{result.connection}: connection after connection ends early: {result.text}")

    def _step_back(self) -> None:
        with self._state:
            self._wanted = max(1, self._working - 1)
            if self._working > self._wanted:
                self._working -= 1
                raise _Leave
        self._stop.wait(_REST)
