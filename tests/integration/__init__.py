"""Tests on real servers, a part at a time."""
