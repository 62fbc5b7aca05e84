"""How much is sent, and from which seed."""

import os
import secrets

from hypothesis import HealthCheck, Phase, settings

SEED = int(os.environ.get("DOORSTEP_FUZZ_SEED") or secrets.randbelow(2**31))
_TIMES = float(os.environ.get("DOORSTEP_FUZZ_TIMES") or 1)
HANGS_AFTER_SECONDS = 20.0


def examples(count: int, steps: int = 20) -> settings:
    """Give the settings of a test that tries `count` examples; DOORSTEP_FUZZ_TIMES multiplies it."""
    return settings(
        max_examples=max(1, int(count * _TIMES)),
        stateful_step_count=steps,
        deadline=None,  # a request that hangs has a deadline of its own
        database=None,
        print_blob=True,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
