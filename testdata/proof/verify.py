#!/usr/bin/env python3
"""Verifies the evidence in vectors.json and prints "ok" or "refused" for each vector.

It needs Python's standard library and the openssl command, version 3:

    python3 testdata/proof/verify.py

It exits with 1 if a vector's result is not the one that the file says.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

MEMBERS = ["format", "challenge", "certificate", "ca_certificate", "algorithm", "signature"]
CHALLENGE = ["audience", "purpose", "nonce", "time"]
ALGORITHMS = {  # by the public key, as openssl describes it: the name, the hash, the bytes of r and of s
    "rsaEncryption 2048": ("RS256", "sha256", 0),
    "id-ecPublicKey 256": ("ES256", "sha256", 32),
    "id-ecPublicKey 384": ("ES384", "sha384", 48),
}


class Refused(Exception):
    pass


def check(true, why):
    if not true:
        raise Refused(why)


def openssl(*arguments, data=None):
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True)
    check(done.returncode == 0, f"openssl {arguments[0]}: {done.stderr.decode()}")
    return done.stdout


def strict_object(pairs):
    check(len(dict(pairs)) == len(pairs), "a member is repeated")
    return dict(pairs)


def verify(text, audience, purpose, now, trusted, folder):
    """Returns the message that the card signed, or raises an error."""
    evidence = json.loads(text, object_pairs_hook=strict_object)
    check(sorted(evidence) == sorted(MEMBERS), "members")
    challenge = evidence["challenge"]
    check(sorted(challenge) == sorted(CHALLENGE), "members of the challenge")
    check(evidence["format"] == "mykeykit-proof-v1", "format")
    check(challenge["audience"] == audience and challenge["purpose"] == purpose, "audience or purpose")
    seconds = when(challenge["time"])
    check(-60 <= when(now) - seconds <= 300, "age")
    nonce, certificate, ca, signature = (
        base64.b64decode(b, validate=True)
        for b in (challenge["nonce"], evidence["certificate"], evidence["ca_certificate"], evidence["signature"])
    )

    files = {name: pathlib.Path(folder) / name for name in ("certificate", "ca", "key", "signature")}
    files["certificate"].write_bytes(openssl("x509", "-inform", "DER", data=certificate))
    check(openssl("x509", "-in", files["certificate"], "-outform", "DER") == certificate, "bytes after the certificate")
    check(hashlib.sha256(ca).hexdigest() in trusted, "issuer")
    files["ca"].write_bytes(openssl("x509", "-inform", "DER", data=ca))
    openssl(
        "verify", "-attime", when(now), "-purpose", "sslclient", "-x509_strict",
        "-CAfile", files["ca"], files["certificate"],
    )  # fmt: skip

    algorithm, hash, size = algorithm_of(files["certificate"])
    check(evidence["algorithm"] == algorithm, "algorithm")
    if size:
        check(len(signature) == 2 * size, "length of the signature")
        signature = der_sequence(signature[:size], signature[size:])
    message = b"mykeykit proof v1\x00"
    for part in (audience.encode(), purpose.encode(), nonce, struct.pack(">q", seconds)):
        message += struct.pack(">H", len(part)) + part
    files["key"].write_bytes(openssl("x509", "-in", files["certificate"], "-noout", "-pubkey"))
    files["signature"].write_bytes(signature)
    openssl("dgst", "-" + hash, "-verify", files["key"], "-signature", files["signature"], data=message)
    return message


def when(text):
    check(text.endswith("Z"), "time")
    return int(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp())


def algorithm_of(certificate):
    text = openssl("x509", "-in", certificate, "-noout", "-text").decode().split("Subject Public Key Info:")[1]
    kind = text.split("Public Key Algorithm: ")[1].split()[0]
    bits = text.split("Public-Key: (")[1].split()[0]
    check(f"{kind} {bits}" in ALGORITHMS, "key")
    return ALGORITHMS[f"{kind} {bits}"]


def der_sequence(*numbers):
    body = b""
    for number in numbers:
        n = int.from_bytes(number, "big")
        n = n.to_bytes(n.bit_length() // 8 + 1, "big")
        body += bytes([2, len(n)]) + n
    return bytes([0x30, len(body)]) + body


def main():
    path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "vectors.json")
    file = json.loads(path.read_text(encoding="utf-8"))
    trusted = [ca["sha256"] for ca in file["trusted"]]
    wrong = 0
    for vector in file["vectors"]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                message = verify(vector["evidence"], file["audience"], file["purpose"], file["now"], trusted, folder)
                result = "ok" if message.hex() == vector["message"] else "another message"
            except (Refused, ValueError) as reason:
                result = "refused"
                if "-v" in sys.argv:
                    print(repr(reason))
        wrong += (result == "ok") != (vector["result"] == "ok")
        print(f"{result}: {vector['name']}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
