"""`pytest` alone, unlike `python -m pytest`, does not put the repository on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
