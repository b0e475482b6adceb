"""What a run, a record's revisions and a schedule are; values in, values out."""
