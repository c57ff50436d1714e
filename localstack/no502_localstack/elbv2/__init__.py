"""The ELBv2 provider: one module per kind of resource, one store per account and region."""
