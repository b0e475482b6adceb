"""What is done about a command, a leased run, a schedule that is due, a question: load, decide, save, publish."""
