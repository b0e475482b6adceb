"""`tieline demo`: the main job, done once through the public HTTP interface, each step shown and checked."""
