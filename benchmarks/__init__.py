"""What Tieline costs, each figure next to a floor measured in the same run."""
