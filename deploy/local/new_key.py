"""Make a pair of keys that sign and verify tokens: python -m deploy.local.new_key KID."""

import sys

from deploy.local.credentials import new_key

if __name__ == "__main__":
    key = new_key(sys.argv[1])
    sys.stdout.write(f"private {key.private_setting}\npublic {key.public_setting}\n")
