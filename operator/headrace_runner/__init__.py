"""The data plane: one process, one run. Knows nothing of Kubernetes."""
