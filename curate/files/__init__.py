"""Paths and addresses, locks, atomic outputs, fingerprints of inputs."""
