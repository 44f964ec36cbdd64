"""The control plane: compares what is wanted with what is seen, and acts."""
