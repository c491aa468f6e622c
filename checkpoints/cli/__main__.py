"""``python -m checkpoints.cli``: the same as ``holdfast``."""

from checkpoints.cli.app import main

if __name__ == "__main__":
    main()
