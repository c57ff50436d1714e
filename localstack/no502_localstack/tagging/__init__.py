"""The Resource Groups Tagging API for load balancers, certificates and EC2."""
