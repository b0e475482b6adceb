"""PagerDuty's REST API v2: incidents, services, who is on call."""

from tieline_simulators.pagerduty.simulator import PagerDutySimulator

__all__ = ["PagerDutySimulator"]
