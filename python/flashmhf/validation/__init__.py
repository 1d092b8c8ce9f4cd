"""Validation of compiled kernels on a GPU, and the ledger of what was validated."""
