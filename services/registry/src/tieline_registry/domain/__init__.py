"""What a command means: pure decisions over a working set that was loaded before."""
