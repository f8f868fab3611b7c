"""A result, made fit to show: what may be published, its plain view, and the formats it is written in."""
