"""The dashboard's settings with a data folder of their own, gone when the tests end."""

import atexit
import os
import shutil
import tempfile

_data_dir = tempfile.mkdtemp(prefix="holdfast-tests-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["HOLDFAST_ENV"] = "development"
os.environ["HOLDFAST_DATA_DIR"] = _data_dir

from dashboard.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, as in real life: threads of one test then meet in it as processes do.
    DATABASES["default"]["TEST"] = {"NAME": f"{_data_dir}/tests.db"}  # noqa: F405
