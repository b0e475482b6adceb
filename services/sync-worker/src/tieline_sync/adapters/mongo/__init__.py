"""Runs, raw pages, records and datasets in MongoDB."""
