"""A certificate for this machine that nobody vouches for."""

import subprocess
from pathlib import Path

from support.programs import found


def self_signed(folder: Path) -> Path:
    """Return a file with the certificate and its key."""
    openssl = found("openssl")
    key, pem, both = folder / "key", folder / "pem", folder / "both"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_text(pem.read_text() + key.read_text())
    return both
