"""Writes every frame of this network namespace into a file, until it is killed."""

import socket
import sys


def main() -> None:
    """Listen on all interfaces; the file may be read while this runs."""
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
    with open(sys.argv[1], "ab", buffering=0) as out:
        while True:
            out.write(frames.recv(65536))


if __name__ == "__main__":
    main()
