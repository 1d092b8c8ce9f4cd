"""The opponents. Each module makes entries of `rounds`; what is not there, or
cannot do the case, raises Unavailable with the reason."""


class Unavailable(Exception):
    """Why an opponent takes no part."""
