#!/usr/bin/env python3
"""Makes vectors.json, the test vectors of package jpki/proof, without its code.

It needs Python's standard library and the openssl command, version 3:

    python3 testdata/proof/make.py > testdata/proof/vectors.json

Keys are made anew in each run and are not kept, so each run gives other vectors. README.md
describes the file. verify.py verifies it.
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

AUDIENCE = "https://library.example.jp"
PURPOSE = "login"
NOW = datetime.datetime(2026, 6, 1, 12, 0, 0, tzinfo=datetime.timezone.utc)
LEAF = ("20260101000000Z", "20301231235959Z")
CA = ("20200101000000Z", "20401231235959Z")

CONFIG = """
[ca]
default_ca = synthetic
[synthetic]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
policy = anything
[anything]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = 01020304
[authentication]
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[signature]
keyUsage = critical, nonRepudiation
authorityKeyIdentifier = keyid
"""

RSA = ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"]
RSA_1024 = ["rsa", "-pkeyopt", "rsa_keygen_bits:1024"]
P256 = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
P384 = ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]
P521 = ["ec", "-pkeyopt", "ec_paramgen_curve:P-521"]
HASH = {"RS256": "sha256", "ES256": "sha256", "ES384": "sha384"}


class Workshop:
    """A folder with keys and certificates."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "config"
        self.config.write_text(CONFIG.format(folder=folder))
        (self.folder / "index").touch()
        self.files = 0

    def openssl(self, *arguments, data=None):
        command = ["openssl", *map(str, arguments)]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout

    def file(self):
        self.files += 1
        return self.folder / str(self.files)

    def key(self, kind):
        key = self.file()
        self.openssl("genpkey", "-algorithm", *kind, "-out", key)
        return key

    def certificate(self, key, name, extensions, dates, issuer=None):
        """Returns the file of a certificate. issuer is a certificate and its key."""
        request, certificate = self.file(), self.file()
        self.openssl("req", "-new", "-config", self.config, "-key", key, "-subj", f"/CN={name}", "-out", request)
        by = ["-cert", issuer[0], "-keyfile", issuer[1]] if issuer else ["-selfsign", "-keyfile", key]
        self.openssl(
            "ca", "-batch", "-notext", "-md", "sha256", "-config", self.config, "-extensions", extensions,
            "-startdate", dates[0], "-enddate", dates[1], *by, "-in", request, "-out", certificate,
        )  # fmt: skip
        return certificate

    def der(self, certificate):
        return self.openssl("x509", "-in", certificate, "-outform", "DER")

    def sign(self, key, algorithm, message):
        signature = self.openssl("dgst", "-" + HASH[algorithm], "-sign", key, data=message)
        sizes = {"ES256": 32, "ES384": 48}
        return fixed(signature, sizes[algorithm]) if algorithm in sizes else signature


def fixed(der, size):
    """Turns an ECDSA signature in DER, with lengths below 128, into r and s of a fixed size."""
    at, parts = 2, b""
    for _ in range(2):
        length = der[at + 1]
        parts += int.from_bytes(der[at + 2 : at + 2 + length], "big").to_bytes(size, "big")
        at += 2 + length
    return parts


def message(audience, purpose, nonce, at):
    """Returns the bytes whose hash the card signs."""
    encoded = b"mykeykit proof v1\x00"
    for part in (audience.encode(), purpose.encode(), nonce, struct.pack(">q", int(at.timestamp()))):
        encoded += struct.pack(">H", len(part)) + part
    return encoded


def b64(data):
    return base64.b64encode(data).decode()


def main():
    with tempfile.TemporaryDirectory() as folder:
        json.dump(vectors(Workshop(folder)), sys.stdout, indent=1, ensure_ascii=False)
        print()


def vectors(shop):
    def authority(dates=CA, name="Synthetic CA"):
        key = shop.key(RSA)
        return shop.certificate(key, name, "authority", dates), key

    ca, old_ca, namesake = authority(), authority(("20200101000000Z", "20260301000000Z")), authority()
    made = []

    def holder(kind, extensions="authentication", dates=LEAF, issuer=ca):
        key = shop.key(kind)
        return key, shop.certificate(key, "Synthetic holder", extensions, dates, issuer)

    def vector(name, result, card, by, audience=AUDIENCE, purpose=PURPOSE, at=NOW, authority=ca, **parts):
        nonce = hashlib.sha256(f"nonce of {name}".encode()).digest()
        signed = message(audience, purpose, nonce, at)
        evidence = {
            "format": "mykeykit-proof-v1",
            "challenge": {
                "audience": audience,
                "purpose": purpose,
                "nonce": b64(nonce),
                "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "certificate": b64(shop.der(card[1])),
            "ca_certificate": b64(shop.der(authority[0])),
            "algorithm": by,
            "signature": b64(shop.sign(card[0], by, signed)),
        }
        for member, change in parts.items():
            evidence[member] = change(evidence[member])
        made.append({"name": name, "message": signed.hex(), "evidence": json.dumps(evidence, ensure_ascii=False), "result": result})
        return made[-1]

    def rewritten(name, change):
        """Adds a vector whose text is changed."""
        v = vector(name, "ErrFormat", p256, "ES256")
        changed = change(v["evidence"])
        assert changed != v["evidence"]
        v["evidence"] = changed

    rsa, p256, p384 = holder(RSA), holder(P256), holder(P384)
    vector("RSA with 2048 bits", "ok", rsa, "RS256")
    vector("ECDSA on P-256", "ok", p256, "ES256")
    vector("ECDSA on P-384", "ok", p384, "ES384")
    vector("the oldest challenge that is accepted", "ok", p256, "ES256", at=NOW - datetime.timedelta(minutes=5))
    vector("a clock that is a minute ahead", "ok", p256, "ES256", at=NOW + datetime.timedelta(minutes=1))

    vector("another audience", "ErrAudience", p256, "ES256", audience="https://bank.example.jp")
    vector("an audience in Japanese", "ErrAudience", p256, "ES256", audience="図書館")
    vector("another purpose", "ErrPurpose", p256, "ES256", purpose="pay")
    vector("an old challenge", "ErrAge", p256, "ES256", at=NOW - datetime.timedelta(minutes=5, seconds=1))
    vector("a challenge from the future", "ErrAge", p256, "ES256", at=NOW + datetime.timedelta(minutes=1, seconds=1))

    vector("half a certificate", "trust.ErrMalformed", p256, "ES256", certificate=lambda c: b64(base64.b64decode(c)[:300]))
    vector("a byte after the certificate", "trust.ErrMalformed", p256, "ES256", certificate=lambda c: b64(base64.b64decode(c) + b"\0"))
    vector("a signature certificate", "trust.ErrWrongKind", holder(P256, "signature"), "ES256")
    vector("a CA certificate", "trust.ErrWrongKind", (ca[1], ca[0]), "RS256")
    vector("an expired certificate", "trust.ErrExpired", holder(P256, dates=("20210101000000Z", "20260601115959Z")), "ES256")
    vector("a certificate that is not yet valid", "trust.ErrNotYetValid", holder(P256, dates=("20260601120001Z", LEAF[1])), "ES256")
    vector("RSA with 1024 bits", "trust.ErrUnsupportedKey", holder(RSA_1024), "RS256")
    vector("ECDSA on P-521", "trust.ErrUnsupportedKey", holder(P521), "ES384", algorithm=lambda _: "ES512", signature=lambda _: b64(bytes(132)))

    vector("the algorithm of another key", "ErrAlgorithm", p256, "ES256", algorithm=lambda _: "RS256")
    vector("an unknown algorithm", "ErrAlgorithm", rsa, "RS256", algorithm=lambda _: "none")
    vector("the signature of another challenge", "ErrSignature", rsa, "RS256", signature=lambda _: b64(shop.sign(rsa[0], "RS256", b"another")))
    vector("the signature of another card", "ErrSignature", p256, "ES256", certificate=lambda _: b64(shop.der(holder(P256)[1])))
    vector("an ECDSA signature in DER", "ErrSignature", p256, "ES256", signature=lambda s: b64(der_signature(base64.b64decode(s))))
    vector("no signature", "ErrSignature", p256, "ES256", signature=lambda _: "")

    vector("a CA of the same name and key identifier", "trust.ErrUnknownIssuer", holder(P256, issuer=namesake), "ES256", authority=namesake)
    vector("its certificate with the CA certificate of the genuine CA", "trust.ErrUnknownIssuer", holder(P256, issuer=namesake), "ES256")
    vector("another CA certificate in the evidence", "trust.ErrUnknownIssuer", p256, "ES256", authority=namesake)
    vector("no CA certificate in the evidence", "trust.ErrUnknownIssuer", p256, "ES256", ca_certificate=lambda _: "")
    vector("an expired CA certificate", "trust.ErrIssuerExpired", holder(P256, issuer=old_ca), "ES256", authority=old_ca)

    rewritten("an unknown member", lambda e: e.replace('{"format"', '{"version": "1", "format"'))
    rewritten("a repeated member", lambda e: e[:-1] + ', "algorithm": "ES256"}')
    rewritten("a repeated member of the challenge", lambda e: e.replace('{"audience"', '{"purpose": "login", "audience"'))
    rewritten("a name in another case", lambda e: e.replace('"signature"', '"Signature"'))
    rewritten("base64 without padding", lambda e: e.replace('=", "time"', '", "time"'))
    rewritten("a time with an offset", lambda e: e.replace("12:00:00Z", "12:00:00+00:00"))
    rewritten("another version", lambda e: e.replace("proof-v1", "proof-v2"))
    rewritten("an object after the evidence", lambda e: e + "{}")

    def trusted(authority):
        return {"sha256": hashlib.sha256(shop.der(authority[0])).hexdigest(), "key_id": "01020304"}

    return {
        "audience": AUDIENCE,
        "purpose": PURPOSE,
        "now": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "trusted": [trusted(ca), trusted(old_ca)],
        "vectors": made,
    }


def der_signature(fixed_size):
    half = len(fixed_size) // 2
    numbers = b""
    for part in (fixed_size[:half], fixed_size[half:]):
        n = int.from_bytes(part, "big")
        body = n.to_bytes(n.bit_length() // 8 + 1, "big")
        numbers += bytes([2, len(body)]) + body
    return bytes([0x30, len(numbers)]) + numbers


if __name__ == "__main__":
    main()
