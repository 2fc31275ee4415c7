"""What is said where a package that few commands need is not installed."""

from __future__ import annotations

from archsearch.errors import InputError


def check_sklearn(option: str) -> None:
    """Refuse an option that needs scikit-learn where it is missing.

    Args:
        option: The option.

    Raises:
        InputError: It is missing.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise InputError(
            f"{option} needs scikit-learn, which is not installed: pip install archsearch[studies]"
        ) from None
