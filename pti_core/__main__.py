"""`python -m pti_core`: the command line in `cli.main`."""

import sys

from cli.main import main

if __name__ == "__main__":
    sys.exit(main())
