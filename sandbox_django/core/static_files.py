"""How static files are named in production."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Fingerprints every file, also inside the imports of ES modules, so that all of them may be cached for ever.

    An import is only rewritten when it is relative and ends in a semicolon; the tests of this module see to that.
    """

    support_js_module_import_aggregation = True
