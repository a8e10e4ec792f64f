"""Portcullis: a Kubernetes admission webhook that keeps a cluster's networking safe."""

__version__ = "0.1.0"
