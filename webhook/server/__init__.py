"""The edge to the network: HTTP and TLS."""
