"""Tests of Tieline: see CONTRIBUTING for which kind goes where."""
