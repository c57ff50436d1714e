"""AWS Certificate Manager, as far as load balancers meet it: issuing, importing, and being in use."""
