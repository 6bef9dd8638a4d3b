"""``python -m netdef.caffe script.py args…``: run a script that says ``import caffe``."""

import sys

from tools.main import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
