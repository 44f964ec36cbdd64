"""The Helm chart on a cluster: Helm, images, releases and who may use them."""
