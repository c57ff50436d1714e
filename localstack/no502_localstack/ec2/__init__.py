"""EC2 where load balancers touch it: their network interfaces, and what cannot be deleted because of them.

LocalStack's own EC2 provider keeps serving every call; a few of Moto's methods below it are patched.
"""
