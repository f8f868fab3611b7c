"""What is kept on disk about a run, and how it gets there whole."""
