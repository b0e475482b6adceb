"""What comes in: commands from Kafka, runs that are due, schedules that are due, HTTP calls of other services."""
