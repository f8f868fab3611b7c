"""What is counted besides crossings: one file a kind of count."""
