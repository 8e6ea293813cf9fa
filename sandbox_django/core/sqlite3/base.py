"""Django's SQLite backend with a queue for writers, used as `ENGINE` in the settings.

SQLite allows one writer at a time, and the others poll with pauses that grow to 0.1 s. The one that polls at the right
moment wins, so on a busy site a writer can wait until its time-out ("database is locked"). Here, the writers of one
process take turns in the order in which they asked.
"""

import threading
from collections import defaultdict, deque

from django.db.backends.sqlite3 import base

from runtime.database import statement_limit


class WriteQueue:
    """A fair lock: waiters get it in the order in which they asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    @property
    def waiting(self) -> int:
        """The number of waiting writers."""
        return len(self._waiting)

    def take(self, timeout: float) -> bool:
        """Waits for the turn, at most `timeout` seconds; returns False on a time-out."""
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(timeout):
            return True
        with self._lock:
            if turn.is_set():  # granted at the last moment
                return True
            self._waiting.remove(turn)
            return False

    def give_up(self) -> None:
        """Passes the turn to the next writer."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False


queues: defaultdict[str, WriteQueue] = defaultdict(WriteQueue)  # by the database's path


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions begin as writers (`transaction_mode` IMMEDIATE) and wait for their turn."""

    _has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        queue = queues[str(self.settings_dict["NAME"])]
        # Without a turn SQLite decides, since it also knows the writers of other processes; it raises if the file is
        # locked.
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
