"""What this machine can do, and whether the weight files on it are what they are taken for."""
