"""What is deployed, read as a cluster would read it, and held against the code."""
