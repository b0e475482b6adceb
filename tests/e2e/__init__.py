"""Tests of the four services as processes, through HTTP."""
