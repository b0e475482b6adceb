"""What a process tells of itself: `logs` as JSON lines, `tracing` over HTTP and Kafka."""
