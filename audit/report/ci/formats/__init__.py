"""Formats of CI reports, one file each, found by this folder: a report goes in, text comes out."""
