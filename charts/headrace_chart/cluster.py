"""What the chart puts into the cluster beside the workloads: definitions, rights, rules of admission."""

from typing import Literal

from pydantic import Field

from headrace_chart.section import Section, Words


class Crds(Section):
    """The definitions of Headrace's kinds of resources. They are the whole cluster's, and stay after an uninstall."""

    install: bool = True
    """Whether the chart installs and upgrades them. Those of another release are left alone when they are the same, and
    refused when they differ."""
    annotations: Words = Field(default_factory=dict)
    """More annotations of the definitions, such as one by which another tool does not delete them."""
    take_ownership: bool = False
    """Takes over those that belong to nobody any more, or to another release. Together with Helm's
    `--take-ownership`."""


class Rbac(Section):
    """The rights of API and operator. Both are bounded to the release's namespace."""

    create: bool = True
    """Whether the chart makes them."""
    scope: Literal["cluster", "namespaced"] = "cluster"
    """`cluster`: also what belongs to the whole cluster: the right to review tokens, roles for people, the admission
    policy. `namespaced`: nothing but Roles, and nothing that belongs to the whole cluster except, if wanted, the
    CRDs."""
    aggregate: bool = True
    """In `scope: cluster`: whether the cluster's `view`, `edit` and `admin` get the rights of `headrace-view`, `-edit`
    and `-admin`. Where another release has made these, they are left alone."""


class AdmissionPolicy(Section):
    """The API server itself refuses pipelines into targets that are not allowed, whoever applies them."""

    enabled: bool = True
    """In `rbac.scope: cluster` only: a ValidatingAdmissionPolicy belongs to the whole cluster. Without it the operator
    refuses such a pipeline with a condition."""
