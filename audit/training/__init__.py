"""Running a training as it would run without the audit."""
