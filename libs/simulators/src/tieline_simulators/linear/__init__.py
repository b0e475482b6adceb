"""Linear's GraphQL API: teams and issues."""

from tieline_simulators.linear.simulator import LinearSimulator

__all__ = ["LinearSimulator"]
