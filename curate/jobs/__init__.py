"""The jobs as functions: options in, a ledger out."""
