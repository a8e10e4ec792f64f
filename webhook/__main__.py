"""``python -m webhook`` is ``portcullis``."""

import sys

from webhook.cli import main

sys.exit(main())
