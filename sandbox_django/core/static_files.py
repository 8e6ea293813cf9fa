"""Names of static files in production."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Adds fingerprints to every file name, also in imports of ES modules, so that all files may be cached for ever.

    An import is only rewritten if it is relative and ends in a semicolon; the tests of this module check this.
    """

    support_js_module_import_aggregation = True
