"""Which broker the tests' stacks run on: DOORSTEP_TEST_BROKER is `tansu`, the embedded one, or `kafka`."""

import os
from typing import cast

from deploy.local.commands import BrokerKind

BROKER = cast("BrokerKind", os.environ.get("DOORSTEP_TEST_BROKER", "tansu"))
