"""``python -m polycritic``."""

from polycritic.cli import main

main()
