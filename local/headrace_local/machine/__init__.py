"""Kubernetes' own control plane and kubelet, Postgres and Headrace, as processes of one Linux machine."""
