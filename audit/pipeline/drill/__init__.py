"""The audit of the audit: faults planted in copies of what was audited, judged as the run was."""
