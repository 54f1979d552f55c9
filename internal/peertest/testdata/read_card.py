"""Reads the text application of a card with pyscard, by the verification number B in the first
argument, and prints the name and the length of the photograph."""
import sys

from smartcard.System import readers


def send(connection, text, data=b"", le=None):
    apdu = list(bytes.fromhex(text)) + ([len(data)] + list(data) if data else []) + ([le] if le is not None else [])
    answer, sw1, sw2 = connection.transmit(apdu)
    assert (sw1, sw2) == (0x90, 0x00), f"{text}: {sw1:02X}{sw2:02X}"
    return bytes(answer)


def read(connection, file):
    send(connection, "00A4020C", bytes([0, file]))
    content = b""
    while True:
        apdu = [0x00, 0xB0, len(content) >> 8, len(content) & 0xFF, 0x00]
        answer, sw1, sw2 = connection.transmit(apdu)
        if (sw1, sw2) != (0x90, 0x00):
            return content
        content += bytes(answer)


def elements(value):
    while value:
        tag, length, header = value[:2], value[2], 3
        if length & 0x80:
            header += length & 0x7F
            length = int.from_bytes(value[3:header], "big")
        yield tag.hex(), value[header:header + length]
        value = value[header + length:]


connection = readers()[0].createConnection()
connection.connect()
for aid, number_b, file in (("D3921000310001010408", 0x15, 2), ("D3921000310001010402", 0x12, 2)):
    send(connection, "00A4040C", bytes.fromhex(aid))
    send(connection, "00A4020C", bytes([0, number_b]))
    send(connection, "00200080", sys.argv[1].encode())
    (_, record), = list(elements(read(connection, file)))[:1]
    parts = dict(elements(record))
    if "df27" in parts:
        print("photograph:", len(parts["df27"]))
    else:
        print("name:", parts["df22"].decode())
send(connection, "00A4040C", bytes.fromhex("A0000001510000"))
