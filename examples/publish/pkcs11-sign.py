#!/usr/bin/python3
"""Signs a file with an Ed25519 key of a PKCS#11 token, for `hostspin-sign sign --signer-cmd`.

usage: pkcs11-sign.py MODULE TOKEN KEY FILE

MODULE is the token's PKCS#11 library, TOKEN and KEY are labels. The signature goes to standard output, 64 bytes.
The PIN is the environment's HOSTSPIN_PIN, or else is asked for on the terminal.

pkcs11-tool of OpenSC signs texts of up to 1024 bytes alone: it hands longer ones over in parts, which Ed25519 knows
nothing of. This hands over the whole at once. Needs Debian's python3-pykcs11.
"""

import getpass
import os
import sys
from pathlib import Path

import PyKCS11


def only(found: list, what: str):
    if len(found) != 1:
        raise SystemExit(f"pkcs11-sign: error: {len(found)} of {what} where exactly one is needed")
    return found[0]


def sign(module: str, token: str, key: str, text: bytes) -> bytes:
    library = PyKCS11.PyKCS11Lib()
    library.load(module)
    present = library.getSlotList(tokenPresent=True)
    slots = [slot for slot in present if library.getTokenInfo(slot).label.strip() == token]
    session = library.openSession(only(slots, f"token '{token}'"))
    pin = os.environ.get("HOSTSPIN_PIN")
    session.login(getpass.getpass(f"PIN of {token}: ") if pin is None else pin)
    try:
        template = [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY), (PyKCS11.CKA_LABEL, key)]
        private = only(session.findObjects(template), f"private key '{key}'")
        return bytes(session.sign(private, text, PyKCS11.Mechanism(PyKCS11.CKM_EDDSA, None)))
    finally:
        session.logout()


def main() -> None:
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    module, token, key, file = sys.argv[1:]
    try:
        signature = sign(module, token, key, Path(file).read_bytes())
    except (PyKCS11.PyKCS11Error, OSError) as error:
        raise SystemExit(f"pkcs11-sign: error: {error}") from error
    sys.stdout.buffer.write(signature)


if __name__ == "__main__":
    main()
