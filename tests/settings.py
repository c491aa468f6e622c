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
