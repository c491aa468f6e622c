"""``python -m checkpoints.cli``: the same as ``holdfast``."""

from checkpoints.cli.app import main

main()
