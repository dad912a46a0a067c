"""A wire that loses, delays and reorders: a process between two TUN devices (see testbed.py).

Usage: python -m tests.network.forwarder NAMESPACE NAMESPACE LOSS DELAY JITTER SEED
"""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

from tests.network.testbed import Link, enter_namespace

__all__ = ["forward", "main", "open_tun"]

_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
# As a router would: beyond this many packets under way the newest is lost.
_MAX_UNDER_WAY = 20_000


def open_tun(namespace: str, name: str) -> int:
    """Make a TUN device in a namespace; its descriptor works from anywhere."""
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        enter_namespace(descriptor)
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
        enter_namespace(home)
    finally:
        os.close(descriptor)
        os.close(home)
    return tun


def forward(left: int, right: int, link: Link) -> None:
    """Carry packets between two TUN devices until killed."""
    other = {left: right, right: left}
    dice = {left: random.Random(link.seed), right: random.Random(link.seed + 1)}
    under_way: list[tuple[float, int, int, bytes]] = []
    number = 0
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        ready, _, _ = select.select([left, right], [], [], wait)
        now = time.monotonic()
        for tun in ready:
            for packet in _read_all(tun):
                lost = dice[tun].random() < link.loss
                late = link.delay_seconds + link.jitter_seconds * dice[tun].random()
                if not lost and len(under_way) < _MAX_UNDER_WAY:
                    number += 1
                    heapq.heappush(under_way, (now + late, number, other[tun], packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, target, packet = heapq.heappop(under_way)
            try:
                os.write(target, packet)
            except OSError:
                continue  # that end is down: the wire is cut


def _read_all(tun: int) -> list[bytes]:
    packets: list[bytes] = []
    while len(packets) < 100:
        try:
            packet = os.read(tun, 65536)
        except OSError:  # nothing more, or that end is down
            break
        # IPv6 housekeeping of the kernel must not take numbers from the dice.
        if packet[0] >> 4 == 4:
            packets.append(packet)
    return packets


def main() -> None:
    """Make both devices, say so, and forward."""
    left, right = (open_tun(namespace, "wire") for namespace in sys.argv[1:3])
    loss, delay, jitter = (float(text) for text in sys.argv[3:6])
    print("forwarding", flush=True)
    forward(left, right, Link(loss, delay, jitter, int(sys.argv[6])))


if __name__ == "__main__":
    main()
