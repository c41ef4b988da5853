"""Bytes to text, after the WHATWG Encoding Standard."""
