"""`python -m mappers.train`: the command line in `cli.train_mapper`."""

import sys

from cli.train_mapper import main

if __name__ == "__main__":
    sys.exit(main())
