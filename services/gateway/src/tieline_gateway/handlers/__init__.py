"""What a request does once it is understood: make commands, send them, read their replies."""
