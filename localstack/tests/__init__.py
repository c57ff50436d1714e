"""Conformance tests, driven through botocore so that the service model checks every shape."""
