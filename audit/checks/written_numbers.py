"""How numbers are written that no reader takes for numbers.

Must not: see a value; these are patterns that DuckDB counts.
"""

from __future__ import annotations

NUMBERS = {
    "percent signs": "[-+]?[0-9]+([.,][0-9]+)?[ \u00a0\u202f]?%",
    "thousands separators": "[-+]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?"
    "|[-+]?[0-9]{1,3}([.''\u2019\u00a0\u202f][0-9]{3})+(,[0-9]+)?",
    "decimal commas": "[-+]?[0-9]+,[0-9]+",
}
"""How a number is written that no reader takes for one, the surest first."""
PLAIN = "[-+]?[0-9]+([.][0-9]+)?"
NUMERIC = 0.95
"""Share of the values that must be numbers, however written; fewer are text."""
