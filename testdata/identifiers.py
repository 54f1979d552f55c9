#!/usr/bin/env python3
"""Computes identifiers.json, the known answers of package mykey, without its code.

It needs Python's standard library and nothing else:

    python3 testdata/identifiers.py > testdata/identifiers.json

How an identifier is made, in the order of the steps below:

 1. fingerprint: SHA-256 of the certificate's SubjectPublicKeyInfo, in DER;
 2. input: the version string and a zero byte, the length of the namespace's
    name in bytes as 32 bits big-endian, the name in UTF-8, the attempt number as
    32 bits big-endian, the fingerprint;
 3. HMAC-SHA-256 of the input under the namespace's key;
 4. its first 40 bits as 8 characters of Crockford's base 32, 5 bits each, the
    first bits first.

The check symbol is the 40 bits as a number modulo 37, in Crockford's alphabet
and its five additional symbols.
"""

import hashlib
import hmac
import json
import struct

VERSION = b"mykeykit/mykey/v1\x00"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHECK = ALPHABET + "*~$=U"


def identifier(key: bytes, namespace: str, attempt: int, spki: bytes):
    name = namespace.encode()
    message = (
        VERSION
        + struct.pack(">I", len(name))
        + name
        + struct.pack(">I", attempt)
        + hashlib.sha256(spki).digest()
    )
    mac = hmac.new(key, message, hashlib.sha256).digest()
    number = int.from_bytes(mac[:5], "big")
    text = "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))
    return message, text, CHECK[number % 37]


def synthetic_spki(n: int) -> bytes:
    """Bytes in the form of a key; no key that anybody has."""
    modulus = b"\x00" + b"".join(
        hashlib.sha256(f"synthetic modulus {n} {i}".encode()).digest() for i in range(8)
    )
    modulus = b"\x00" + bytes([modulus[1] | 0x80]) + modulus[2:]

    def der(tag: int, body: bytes) -> bytes:
        if len(body) < 0x80:
            return bytes([tag, len(body)]) + body
        size = (len(body).bit_length() + 7) // 8
        return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body

    rsa = der(0x30, der(0x02, modulus) + der(0x02, b"\x01\x00\x01"))
    algorithm = der(0x30, bytes.fromhex("06092A864886F70D0101010500"))
    return der(0x30, algorithm + der(0x03, b"\x00" + rsa))


def key(n: int, length: int = 32) -> bytes:
    return hashlib.sha512(f"synthetic key {n}".encode()).digest()[:length]


CASES = [
    # key number, key length, namespace, attempt, card
    (1, 32, "library.example", 0, 1),
    (1, 32, "library.example", 0, 2),
    (1, 32, "library.example", 1, 1),
    (1, 32, "library.example", 4294967295, 1),
    (1, 32, "points.example", 0, 1),
    (2, 32, "library.example", 0, 1),
    (2, 64, "library.example", 0, 1),
    (1, 32, "見本市/図書館", 0, 1),
    (1, 32, "a" * 255, 0, 1),
]


def main():
    vectors = []
    for key_number, length, namespace, attempt, card in CASES:
        k, spki = key(key_number, length), synthetic_spki(card)
        message, text, check = identifier(k, namespace, attempt, spki)
        vectors.append(
            {
                "key": k.hex(),
                "namespace": namespace,
                "attempt": attempt,
                "spki": spki.hex(),
                "input": message.hex(),
                "mykey_id": text,
                "display": f"{text[:4]}-{text[4:]}",
                "check": check,
            }
        )
    print(json.dumps({"version": "mykeykit/mykey/v1", "vectors": vectors}, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
