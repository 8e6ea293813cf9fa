"""Django's SQLite backend with a queue for writers, used as `ENGINE` in the settings.

SQLite allows one writer at a time. Other writers poll with pauses of up to 0.1 s, and the writer that polls at the
right moment wins. So on a busy site, a writer may wait until its timeout ("database is locked"). With this backend, the
writers of one process take turns in the order of their requests.
"""

import threading
from collections import defaultdict, deque

from django.db.backends.sqlite3 import base

from runtime.database import statement_limit


class WriteQueue:
    """A fair lock, which threads get in the order of their requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    @property
    def waiting(self) -> int:
        """The number of waiting writers."""
        return len(self._waiting)

    def take(self, timeout: float) -> bool:
        """Waits for the lock, at most `timeout` seconds; returns False if it timed out."""
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(timeout):
            return True
        with self._lock:
            if turn.is_set():  # it was granted just after the timeout
                return True
            self._waiting.remove(turn)
            return False

    def give_up(self) -> None:
        """Passes the lock to the next writer."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False


queues: defaultdict[str, WriteQueue] = defaultdict(WriteQueue)  # by the database's path


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions wait for their turn and then begin as writers (`transaction_mode` IMMEDIATE)."""

    _has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        queue = queues[str(self.settings_dict["NAME"])]
        # After a timeout, the transaction is started without a turn, and SQLite raises if the file is locked. SQLite
        # also knows the writers of other processes.
        timeout = statement_limit() or float(self.settings_dict["OPTIONS"].get("timeout", 5))
        self._has_turn = queue.take(timeout)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # private, and missing in the stubs
        except BaseException:
            self._give_up_turn()
            raise

    # The turn is passed on before the `on_commit` hooks run, because a hook may begin another transaction.
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
