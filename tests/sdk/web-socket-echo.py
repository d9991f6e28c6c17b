"""Sends back what comes in on WebSockets, one connection after the other. Argument: the port."""

import base64
import hashlib
import socket
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT = 0x81


def accept(client):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    keys = [line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")]
    answer = base64.b64encode(hashlib.sha1(keys[0] + GUID).digest())
    client.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + answer + b"\r\n\r\n"
    )


def echo(client):
    """Short text messages until the other end sends anything else."""
    while (header := client.recv(2)) and header[0] == TEXT:
        mask = client.recv(4)
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(client.recv(header[1] & 127)))
        client.sendall(bytes([TEXT, len(data)]) + data)


server = socket.create_server(("", int(sys.argv[1])))
while True:
    connection, _ = server.accept()
    with connection:
        accept(connection)
        echo(connection)
