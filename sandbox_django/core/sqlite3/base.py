"""Django's SQLite backend with a queue for writers: the settings name it as `ENGINE`.

SQLite allows one writer at a time, and the others poll with pauses that grow to 0.1 s: the one that polls at the right
moment wins, so a busy site can keep a writer waiting until its time-out ("database is locked"). The writers of one
process take turns here instead, in the order in which they asked.
"""

import threading
from collections import defaultdict, deque

from django.db.backends.sqlite3 import base

from runtime.database import statement_limit


class WriteQueue:
    """A lock that is handed over in the order in which it was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    @property
    def waiting(self) -> int:
        """How many writers wait for their turn."""
        return len(self._waiting)

    def take(self, timeout: float) -> bool:
        """Waits for the turn, `timeout` seconds at most; False when it didn't come."""
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(timeout):
            return True
        with self._lock:
            if turn.is_set():  # it came just now
                return True
            self._waiting.remove(turn)
            return False

    def give_up(self) -> None:
        """Hands the turn to the next writer."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False


queues: defaultdict[str, WriteQueue] = defaultdict(WriteQueue)  # by the database's path


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection. Its transactions begin as writers (`transaction_mode` IMMEDIATE), so each waits for its turn."""

    _has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        queue = queues[str(self.settings_dict["NAME"])]
        # Without a turn SQLite decides: it knows the writers of other processes, and raises when it is locked.
        timeout = statement_limit() or float(self.settings_dict["OPTIONS"].get("timeout", 5))
        self._has_turn = queue.take(timeout)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # private, and missing in the stubs
        except BaseException:
            self._give_up_turn()
            raise

    # Before the hooks of `on_commit` run, which may begin a transaction of their own.
    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]  # private, and missing in the stubs
        self._give_up_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # as above
        finally:
            self._give_up_turn()

    def close(self) -> None:
        super().close()
        self._give_up_turn()

    def _give_up_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            queues[str(self.settings_dict["NAME"])].give_up()
