"""Follows the steps of live's README in a new project, which contains no other app of ours."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "sandbox_django/live/README.md").read_text()
FILES = re.findall(r"```python\n# (\S+)\n(.*?)```", README, re.DOTALL)

pytestmark = pytest.mark.programs


class Project:
    """A project in its own folder. It imports `live` and `runtime` from this project, and no other app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    def manage(self, *arguments: str) -> str:
        return self.run("manage.py", *arguments)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.run("-m", "django", "startproject", "mysite", ".")
    for app in ("live", "runtime"):
        (tmp_path / app).symlink_to(ROOT / "sandbox_django" / app)
    for app in ("notes", "imports"):
        project.run("-m", "django", "startapp", app)
    for path, text in FILES:
        if path == "mysite/settings.py":
            text = (tmp_path / path).read_text() + text
        (tmp_path / path).write_text(text)
    return project


def test_the_readme_makes_a_project_whose_pages_miss_no_event_and_no_text(project: Project) -> None:
    made = project.manage("makemigrations")
    tested = project.manage("test", "notes", "imports", "--verbosity", "2")

    assert "notes/migrations/0001_initial.py" in made
    assert "imports/migrations/0001_initial.py" in made
    assert "live/migrations" not in made
    assert "Applying live.0001_initial... OK" in tested
    assert "Ran 6 tests" in tested


def test_a_project_without_a_layer_that_the_core_can_use_does_not_start(project: Project) -> None:
    settings = project.folder / "mysite/settings.py"
    settings.write_text(settings.read_text().replace("live.layers.MemoryLayer", "channels.layers.InMemoryChannelLayer"))

    with pytest.raises(AssertionError, match=r"live\.E001"):
        project.manage("check")
