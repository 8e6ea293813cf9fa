"""Apps only import apps below them: config -> features -> accounts -> core -> live -> runtime. Tests also check the
order of the parts inside a feature.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.features import installed_features

ROOT = Path(__file__).resolve().parents[1] / "sandbox_django"
FEATURES = {"asyncapi", *(feature.name for feature in installed_features())}
APPS = {"config", "accounts", "core", "live", "runtime", *FEATURES}

# The apps that each app may import.
ARROWS: dict[str, set[str]] = {
    "config": APPS,
    "accounts": {"core", "live", "runtime"},
    "core": {"live", "runtime"},
    "live": {"runtime"},
    "runtime": set(),
    **{feature: {"accounts", "core", "live", "runtime"} for feature in FEATURES},
}

# A part of a feature must not import these parts, because they use it.
FORBIDDEN_INSIDE = {
    "groups": {"models", "messages", "services", "tasks", "consumers", "views", "serializers"},
    "models": {"messages", "permissions", "services", "tasks", "consumers", "views", "serializers"},
    "messages": {"permissions", "services", "tasks", "consumers", "views", "serializers"},
    "permissions": {"messages", "services", "tasks", "consumers", "views", "serializers"},
    "services": {"consumers", "views", "serializers"},
    "tasks": {"consumers", "views", "serializers"},
    "consumers": {"services", "tasks", "views", "serializers"},
}

# These imports may be inside a function. They take 1.6 s and 91 MB, which most tests and sites with another model don't
# need.
LATE_IMPORTS = {
    ("assistants/llm/openai_sdk.py", "langchain_openai"),
    ("assistants/llm/openai_sdk.py", "openai"),
    ("assistants/llm/openai_sdk.py", "assistants"),  # sdk_client subclasses a class of the SDK
    ("assistants/tests/test_ai_service.py", "langchain_core"),
}


def test_apps_import_only_what_lies_below_them() -> None:
    wrong = [
        f"{path}:{line} imports {module}"
        for path, line, module in production_imports()
        if (app := module.partition(".")[0]) in APPS
        and app != path.partition("/")[0]
        and app not in ARROWS[path.partition("/")[0]]
    ]

    assert wrong == []


def test_parts_of_an_app_import_in_one_direction() -> None:
    wrong = [
        f"{path}:{line} imports {module}"
        for path, line, module in production_imports()
        if path.partition("/")[0] == module.partition(".")[0]
        and module.partition(".")[2].partition(".")[0] in FORBIDDEN_INSIDE.get(part_of(path), ())
    ]

    assert wrong == []


def test_production_code_knows_no_test_code() -> None:
    wrong = [
        f"{path}:{line} imports {module}"
        for path, line, module in production_imports()
        if {"tests", "factories", "test_utils", "pytest", "factory"} & set(module.split("."))
    ]

    assert wrong == []


def test_imports_use_the_full_module_name() -> None:
    # The settings consist of four files, which import each other by design.
    relative = [
        f"{path}:{line} imports {module}"
        for path, line, module in production_imports()
        if module.startswith(".") and not path.startswith("config/settings/")
    ]

    assert relative == []


def test_nothing_but_the_heavy_is_imported_inside_a_function() -> None:
    late = {
        (str(path.relative_to(ROOT)), module.partition(".")[0])
        for path in ROOT.rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for _, module in imports_in(function)
    }

    assert late == LATE_IMPORTS


# Modules that use a cursor outside of managers. None of them contains the name of a feature's table or column.
SQL_HELPERS = {
    "core/raw_rows.py",  # builds the SQL of managers and services from the models
    "core/search_text.py",  # looks for an index in PostgreSQL's catalogue
    "core/views/health.py",  # checks that the database can be read and written
    "core/management/commands/migrate.py",  # sets a timeout
    "core/migration_operations.py",
    "core/sqlite3/base.py",
}


def test_sql_is_written_in_methods_of_managers_and_querysets_only() -> None:
    # live and runtime are left out: other projects can install them, so they don't use the apps' models.
    outside = [
        f"{path}:{line}"
        for path in production_files()
        if path.partition("/")[0] not in {"live", "runtime"} and path not in SQL_HELPERS
        for line in sql_outside_of_managers(ast.parse((ROOT / path).read_text()))
    ]

    assert outside == []


@pytest.mark.parametrize(
    "code",
    [
        "def title(pk):\n    with connection.cursor() as cursor: ...",
        "def title(pk):\n    return find_where(Room, 'WHERE id = %s', [pk])",
        "class Service:\n    def rooms(self): return Room.objects.raw('SELECT 1')",
        "def rooms(): return Room.objects.annotate(one=RawSQL('SELECT 1', []))",
    ],
)
def test_sql_in_a_service_is_found(code: str) -> None:
    assert list(sql_outside_of_managers(ast.parse(code)))


def test_sql_in_a_queryset_is_allowed() -> None:
    code = (
        "class RoomQuerySet(models.QuerySet['Room']):\n    def title(self, pk):\n        with connection.cursor(): ..."
    )

    assert list(sql_outside_of_managers(ast.parse(code))) == []


def sql_outside_of_managers(node: ast.AST) -> Iterator[int]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and any(is_manager(base) for base in child.bases):
            continue
        if isinstance(child, ast.Call) and called_name(child.func) in {"cursor", "raw", "RawSQL", "find_where"}:
            yield child.lineno
        yield from sql_outside_of_managers(child)


def is_manager(base: ast.expr) -> bool:
    """Returns whether a base class is a manager or a queryset, such as `models.QuerySet["Room"]` or `UserManager`."""
    name = called_name(base.value if isinstance(base, ast.Subscript) else base)
    return name.endswith(("Manager", "QuerySet"))


def called_name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("folder", ["accounts", "assistants", "core", "live", "runtime"])
def test_the_tree_these_rules_are_about_is_found(folder: str) -> None:
    assert any(path.startswith(f"{folder}/") for path, _, _ in production_imports())


def production_files() -> Iterator[str]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if {"tests", "factories", "migrations"}.isdisjoint(path.parts):
                yield str(path.relative_to(ROOT))


def production_imports() -> Iterator[tuple[str, int, str]]:
    for path in production_files():
        for line, module in imports_in(ast.parse((ROOT / path).read_text())):
            yield path, line, module


def imports_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                yield node.lineno, f"{'.' * node.level}{node.module or ''}.{name.name}"


def part_of(path: str) -> str:
    """Returns the part of a feature: `services` for "assistants/services/answers.py", `groups` for
    "assistants/groups.py".
    """
    return Path(path).parts[1].removesuffix(".py")
