"""Translate HTTP in: one file per published surface, the edge they share, and the shapes of their errors."""
