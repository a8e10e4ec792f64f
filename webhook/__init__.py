"""Portcullis: a Kubernetes admission webhook that keeps a cluster's networking safe."""
