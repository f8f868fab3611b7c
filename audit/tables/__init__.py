"""Files, frames and addresses, opened as named columns of known kinds.

Must not: guess, download or write.
"""
