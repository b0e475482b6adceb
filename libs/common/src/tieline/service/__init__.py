"""What every process has in common: `health` says whether it is ready, `run` serves it until SIGTERM."""
