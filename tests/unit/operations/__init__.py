"""What operators see of the whole."""
