"""``python -m dashboard.demo``: run the live demo agents beside the dashboard."""

from __future__ import annotations

import os

import django


def main() -> None:
    """Run the demo until it is told to stop."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    from django.conf import settings

    from dashboard.demo.running import run

    run(settings.DATA_DIR)


if __name__ == "__main__":
    main()
