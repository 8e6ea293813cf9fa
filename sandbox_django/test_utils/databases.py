"""Creates databases with empty tables by copying a migrated one, because migrating takes 6 s of CPU time.

The migrated SQLite file stays in .data until a migration, a setting or a package changes.
"""

import atexit
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

from test_utils.servers import postgresql_server

ROOT = Path(__file__).resolve().parents[2]
SQLITE = "db.sqlite3"  # the file in SANDBOX_DATA_DIR
KEPT = ROOT / ".data"


@cache
def migrated_sqlite() -> Path:
    """Returns the path of an SQLite file with empty tables. Callers must copy the file and not write to it."""
    kept = KEPT / f"migrated-{_fingerprint()}.sqlite3"
    if not kept.exists():
        with tempfile.TemporaryDirectory(prefix="migrated-", dir=KEPT) as directory:
            migrate(Path(directory), "")
            for old in KEPT.glob("migrated-*.sqlite3"):
                old.unlink(missing_ok=True)
            # The file is moved in one step, since several test runs may do this at the same time.
            Path(directory, SQLITE).replace(kept)
    return kept


def _fingerprint() -> str:
    sources = [*ROOT.glob("sandbox_django/*/migrations/*.py"), *ROOT.glob("sandbox_django/config/settings/*.py")]
    digest = hashlib.sha256()
    for source in sorted([*sources, ROOT / "requirements.lock"]):
        digest.update(str(source.relative_to(ROOT)).encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def migrate(data_dir: Path, database_url: str) -> None:
    """Creates the tables in the database at `database_url` or, if that is empty, in an SQLite file in `data_dir`."""
    env = {"SANDBOX_DATA_DIR": str(data_dir), "DATABASE_URL": database_url, "REDIS_URL": ""}
    env |= {"DJANGO_SETTINGS_MODULE": "test_utils.server_settings"}
    command = [sys.executable, "sandbox_django/manage.py", "migrate", "--verbosity=0"]
    subprocess.run(command, cwd=ROOT, env=os.environ | env, check=True)


@contextmanager
def postgresql_database() -> Iterator[str]:
    """Creates a database with empty tables and yields its URL. All such databases are in one PostgreSQL server."""
    cluster, name = _migrated_postgresql(), f"test_{uuid4().hex}"
    with psycopg.connect(cluster, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
    try:
        yield of_database(cluster, name)
    finally:
        with psycopg.connect(cluster, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def _migrated_postgresql() -> str:
    """Starts a PostgreSQL server and returns its URL. Its database `migrated` is the template for the others."""
    cluster = _until_exit.enter_context(postgresql_server())
    with psycopg.connect(cluster, autocommit=True) as server:
        server.execute("CREATE DATABASE migrated")
    with tempfile.TemporaryDirectory(prefix="sandbox-migrate-") as directory:
        migrate(Path(directory), of_database(cluster, "migrated"))
    return cluster


_until_exit = ExitStack()
atexit.register(_until_exit.close)


def of_database(url: str, name: str) -> str:
    """Returns `url` with the database name `name`."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
