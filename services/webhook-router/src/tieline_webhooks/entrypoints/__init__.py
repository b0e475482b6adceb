"""Where requests, records and the clock come in; each translates and calls a handler."""
