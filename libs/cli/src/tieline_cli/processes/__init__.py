"""Child processes: what to start (`program`), starting and stopping (`child`), identity, ports and readiness."""
