"""The machine: our own processes, the command of a user, whole files or none, JSON that is read strictly.

Must not: know what a document means.
"""
