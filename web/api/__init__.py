"""What programs send to the named endpoints, and files that they name by an address."""
