"""What Tieline's services share, and what other teams install to emit and consume its events.

`contracts` are the shapes on the wire, `topics` the catalogue of topics, `kafka` how records are sent and taken in,
`secrets` how secret values are sealed, `access` how a caller proves itself, `settings` the shared blocks of
configuration, `service` what every process has in common (health, logs, shutdown).
"""
