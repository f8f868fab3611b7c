"""What continuous integration reads of an audit: one file a format in ``formats/``, each from a report to text."""
