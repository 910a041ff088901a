"""A whole workspace taken elsewhere: into another database (``move``), or out to a file and in again (``archive``, ``restore``)."""
