#!/usr/bin/env python3
"""restic_repository.py PASSWORD FOLDER: an empty restic repository whose password is checked at once.

restic derives each key with about half a second of work, in every one of its runs; a suite runs it some hundred times.
Here the cost of the derivation is the least that restic accepts. Written after the description of the format in
restic's documentation (doc/design.rst); needs the openssl command.
"""
import base64, hashlib, json, os, secrets, subprocess, sys

COST = {"N": 2, "r": 1, "p": 1}
POLYNOMIAL = "25b468838dcb75"  # the example of that document; must be irreducible


def openssl(cipher, key, data, *more):
    command = ["openssl", "enc", "-" + cipher, "-K", key.hex(), *more]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def poly1305(message, r, s):
    clamped = int.from_bytes(r, "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at : at + 16] + b"\1", "little")) * clamped % ((1 << 130) - 5)
    return ((total + int.from_bytes(s, "little")) % (1 << 128)).to_bytes(16, "little")


def seal(key, plain):
    """AES-256 in counter mode and Poly1305-AES: nonce, ciphertext, check."""
    nonce = secrets.token_bytes(16)
    cipher = openssl("aes-256-ctr", key["encrypt"], plain, "-iv", nonce.hex())
    mask = openssl("aes-128-ecb", key["k"], nonce, "-nopad")
    return nonce + cipher + poly1305(cipher, key["r"], mask)


def write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def main(password, folder):
    text = lambda data: base64.b64encode(data).decode()
    master = {"encrypt": secrets.token_bytes(32), "k": secrets.token_bytes(16), "r": secrets.token_bytes(16)}
    salt = secrets.token_bytes(64)
    derived = hashlib.scrypt(password.encode(), salt=salt, n=COST["N"], r=COST["r"], p=COST["p"], dklen=64)
    user = {"encrypt": derived[:32], "k": derived[32:48], "r": derived[48:]}
    inner = {"mac": {"k": text(master["k"]), "r": text(master["r"])}, "encrypt": text(master["encrypt"])}
    key = {"created": "2024-01-01T00:00:00Z", "username": "test", "hostname": "test", "kdf": "scrypt", **COST,
           "salt": text(salt), "data": text(seal(user, json.dumps(inner).encode()))}
    key_file = json.dumps(key).encode()
    write(folder, "keys/" + hashlib.sha256(key_file).hexdigest(), key_file)
    config = {"version": 2, "id": secrets.token_hex(32), "chunker_polynomial": POLYNOMIAL}
    write(folder, "config", seal(master, json.dumps(config).encode()))
    for kind in ["index", "locks", "snapshots"] + [f"data/{n:02x}" for n in range(256)]:
        os.makedirs(os.path.join(folder, kind), exist_ok=True)


main(*sys.argv[1:])
