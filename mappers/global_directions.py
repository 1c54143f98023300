"""`python -m mappers.global_directions`: the command line in `cli.global_directions`."""

import sys

from cli.global_directions import main

if __name__ == "__main__":
    sys.exit(main())
