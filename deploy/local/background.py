"""The process `up` leaves behind: a supervisor that does what the home's wish says."""

import sys
from pathlib import Path

from deploy.local import control, wish
from deploy.local.errors import StackError

if __name__ == "__main__":
    home = Path(sys.argv[1])
    try:
        control.supervise(home, wish.load(home))
    except StackError as error:
        sys.exit(str(error))
