"""`tieline doctor`: looks at a deployment from outside and says what to do. One file per thing looked at."""
