"""One file a format of files, and the text that columns are written in."""
