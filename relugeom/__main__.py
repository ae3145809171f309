"""`python -m relugeom` is the command line."""

import sys

from relugeom.cli import main

if __name__ == "__main__":
    sys.exit(main())
