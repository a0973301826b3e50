"""`python -m ops`."""

import sys

from ops.app import main

sys.exit(main())
