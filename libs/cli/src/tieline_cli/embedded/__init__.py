"""The embedded broker and database: real servers as child processes, so that a laptop needs nothing installed.

Each is known to exactly one module here; everything else sees a `Program` and an address.
"""
