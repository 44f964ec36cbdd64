"""How it is watched."""

from pydantic import Field

from headrace_chart.section import Duration, Free, NameOrEmpty, Section, UrlOrEmpty, Words


class Scrape(Section):
    """What Prometheus reads. Its kind comes with the Prometheus operator."""

    enabled: bool = False
    """Whether there is one."""
    interval: Duration = "30s"
    """How often."""
    labels: Words = Field(default_factory=dict)
    """By which Prometheus finds it."""


class ServiceScrape(Scrape):
    """What Prometheus reads of the API."""

    authorization: Free = Field(default_factory=dict)
    """How Prometheus shows who it is, as in a ServiceMonitor, when `metrics` is not in `auth.open`."""


class Rules(Section):
    """Alerts, each with a page that says what to do."""

    enabled: bool = False
    """Whether there is a PrometheusRule."""
    labels: Words = Field(default_factory=dict)
    """By which Prometheus finds it."""
    runbooks: UrlOrEmpty = ""
    """Where the pages are, for links in alerts: docs/runbooks of the repository, or your own copy. Empty: their
    paths."""


class Dashboard(Section):
    """A dashboard for Grafana, in a ConfigMap that its sidecar finds."""

    enabled: bool = False
    """Whether there is one."""
    namespace: NameOrEmpty = ""
    """Where the sidecar looks. Empty: the release's namespace."""
    labels: Words = Field(default_factory=lambda: {"grafana_dashboard": "1"})
    """By which the sidecar finds it."""


class Monitoring(Section):
    """How it is watched. Everything is off: the kinds are not in every cluster."""

    service_monitor: ServiceScrape = Field(default_factory=ServiceScrape)
    """Metrics of the API (ServiceMonitor)."""
    pod_monitor: Scrape = Field(default_factory=Scrape)
    """Metrics of the operator (PodMonitor)."""
    rules: Rules = Field(default_factory=Rules)
    """Alerts (PrometheusRule)."""
    dashboard: Dashboard = Field(default_factory=Dashboard)
    """A dashboard (ConfigMap)."""
