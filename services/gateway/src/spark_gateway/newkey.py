"""``python -m spark_gateway.newkey NAME``: a new API key, shown once, and what the access file needs to know of it."""

import hashlib
import json
import secrets
import sys

from spark_gateway.access import ANONYMOUS, NAME


def main(arguments: list[str]) -> int:
    """Print a key and its entry; returns the exit status."""
    if len(arguments) not in {1, 2} or not all(NAME.fullmatch(name) for name in arguments):
        print(
            "usage: python -m spark_gateway.newkey NAME [CLASS], of letters, digits, dots, dashes and underscores",
            file=sys.stderr,
        )
        return 2
    key = f"spark_{secrets.token_urlsafe(32)}"
    entry = {
        "name": arguments[0],
        "sha256": hashlib.sha256(key.encode()).hexdigest(),
        "class": arguments[1] if len(arguments) > 1 else ANONYMOUS,
    }
    print("The key, for its holder; it is stored nowhere:", file=sys.stderr)
    print(key)
    print('One of the "keys" of the file that SPARK_GATEWAY_ACCESS names; put its class right:', file=sys.stderr)
    print(json.dumps(entry))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
