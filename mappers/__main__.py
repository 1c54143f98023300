"""`python -m mappers`: the command line in `cli.text`."""

import sys

from cli.text import main

if __name__ == "__main__":
    sys.exit(main())
