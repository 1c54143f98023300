"""`python -m checkpoints`: the command line in `cli.checkpoints`."""

import sys

from cli.checkpoints import main

if __name__ == "__main__":
    sys.exit(main())
