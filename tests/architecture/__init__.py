"""What the source must look like, checked by reading it."""
