"""ServiceNow's Table API over one table of incidents."""

from tieline_simulators.servicenow.event_log import incidents_from_event_log
from tieline_simulators.servicenow.incidents import generated_incidents
from tieline_simulators.servicenow.simulator import ServiceNowSimulator
from tieline_simulators.servicenow.table import Table

__all__ = ["ServiceNowSimulator", "Table", "generated_incidents", "incidents_from_event_log"]
