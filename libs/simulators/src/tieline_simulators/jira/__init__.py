"""Jira Cloud's REST API v3: searching issues by JQL."""

from tieline_simulators.jira.simulator import JiraSimulator

__all__ = ["JiraSimulator"]
