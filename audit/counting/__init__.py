"""From tables to cubes. Engines know rows; nothing after them does."""
