"""The console: the staff's web pages over the services' HTTP APIs; it keeps who may sign in, and no customer's data."""
