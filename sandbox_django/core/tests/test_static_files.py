import re
import tempfile
from pathlib import Path

from django.contrib.staticfiles.finders import AppDirectoriesFinder
from django.core.management import call_command
from django.test import SimpleTestCase, override_settings

from core.static_files import ModuleManifestStorage

OUR_APPS = ("accounts", "assistants", "chat", "core", "discussion")
IMPORT = re.compile(r"""^\s*(?:import|export)\b[^"'(;=]*["']([^"']+)["'](.?)""", re.MULTILINE)


class FingerprintTests(SimpleTestCase):
    """In production, browsers may cache every file for ever, so a file's name must change with its content."""

    def test_our_imports_are_of_the_kind_that_is_rewritten(self) -> None:
        imports = [
            (path, target, end)
            for finder_path, storage in AppDirectoriesFinder().list([])
            if finder_path.startswith(OUR_APPS) and finder_path.endswith(".js")
            for path in [storage.path(finder_path)]
            for target, end in IMPORT.findall(Path(path).read_text())
        ]

        assert imports
        for path, target, end in imports:
            with self.subTest(path=path, target=target):
                assert target.startswith("."), "the import is not relative"
                assert end == ";", "the import does not end in a semicolon"

    def test_collected_modules_import_each_other_by_fingerprinted_names(self) -> None:
        storages = {"staticfiles": {"BACKEND": "core.static_files.ModuleManifestStorage"}}
        with tempfile.TemporaryDirectory() as root, override_settings(STORAGES=storages, STATIC_ROOT=root):
            call_command("collectstatic", interactive=False, verbosity=0)

            served = {name for name in ModuleManifestStorage().hashed_files.values() if name.startswith(OUR_APPS)}
            imports = [
                (name, target)
                for name in served
                if name.endswith(".js")
                for target, _ in IMPORT.findall((Path(root) / name).read_text())
            ]

            assert imports
            for name, target in imports:
                with self.subTest(name=name, target=target):
                    assert re.search(r"\.[0-9a-f]{12}\.js$", target)
                    assert (Path(root) / name).parent.joinpath(target).is_file()
