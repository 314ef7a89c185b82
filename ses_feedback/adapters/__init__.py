"""What knows the API of a service."""
