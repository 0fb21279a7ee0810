#!/usr/bin/env python3
"""Checks every log of a coordinator from what it serves, with no code of the product.

Usage: check_logs.py URL VKEY

Needs Python 3.9 and `cryptography`. Written from the specifications alone: C2SP signed-note,
tlog-checkpoint, tlog-cosignature, tlog-tiles; RFC 6962; RFC 8949. For each log it verifies the
signature on the checkpoint, every cosignature by a key that the coordinator has admitted, that each
entry is the leaf it should be, that all tiles lead to the signed root, and an inclusion proof of
the first, the middle and the last entry. Exits with 0 where all holds, else with 1 and a line.
"""

import base64
import hashlib
import struct
import sys
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519, COSIGNATURE = 0x01, 0x04
WIDTH = 256


class Refused(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Refused(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def node(left, right):
    return sha256(b"\x01", left, right)


def root_of(hashes):
    """RFC 6962 section 2.1, over the hashes of leaves or of perfect subtrees of one size."""
    if not hashes:
        return sha256()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node(root_of(hashes[:split]), root_of(hashes[split:]))


def key_id(name, kind, key):
    return sha256(name.encode(), b"\n", bytes([kind]), key)[:4]


def parse_vkey(vkey):
    name, known, encoded = vkey.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    need(raw[0] == ED25519 and len(raw) == 33, "the key is no Ed25519 key")
    need(key_id(name, raw[0], raw[1:]).hex() == known, "the key's id is not of this key")
    return name, raw[1:]


def holds(key, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


class Note:
    """A signed note: text, and (name, key id, signature) of each line below it."""

    def __init__(self, raw):
        text, blank, lines = raw.decode("utf-8").rpartition("\n\n")
        need(blank and lines.endswith("\n"), "no signed note")
        self.text = (text + "\n").encode()
        self.signatures = []
        for line in lines[:-1].split("\n"):
            dash, name, encoded = line.split(" ")
            need(dash == "\u2014", "no signature line")
            decoded = base64.b64decode(encoded, validate=True)
            self.signatures.append((name, decoded[:4], decoded[4:]))

    def by(self, name, kind, key):
        wanted = (name, key_id(name, kind, key))
        return [sig for (who, ident, sig) in self.signatures if (who, ident) == wanted]


def parse_cbor(data, at=0):
    """As much of CBOR as entries have: whole numbers, bytes, text, lists, maps, true, false, null."""
    head = data[at]
    major, info, at = head >> 5, head & 31, at + 1
    if major == 7:
        return {20: False, 21: True, 22: None}[info], at
    if info < 24:
        value = info
    else:
        length = {24: 1, 25: 2, 26: 4, 27: 8}[info]
        value, at = int.from_bytes(data[at : at + length], "big"), at + length
    if major == 0:
        return value, at
    if major == 1:
        return -1 - value, at
    if major in (2, 3):
        raw = data[at : at + value]
        return (raw if major == 2 else raw.decode("utf-8")), at + value
    items = []
    for _ in range(value * (2 if major == 5 else 1)):
        item, at = parse_cbor(data, at)
        items.append(item)
    return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at


def tile_path(level, index, width):
    name = "%03d" % (index % 1000)
    while index >= 1000:
        index //= 1000
        name = "x%03d/%s" % (index % 1000, name)
    return "tile/%s/%s%s" % (level, name, "" if width == WIDTH else ".p/%d" % width)


class Log:
    """One log as it is served; everything is checked against the checkpoint that was read first."""

    def __init__(self, base, origin):
        self.base, self.origin = base, origin
        self.note = Note(self.fetch("checkpoint"))
        lines = self.note.text.decode().split("\n")
        need(len(lines) == 4 and lines[0] == origin and lines[3] == "", "no checkpoint of the log")
        self.size, self.root = int(lines[1]), base64.b64decode(lines[2], validate=True)

    def fetch(self, path):
        url = "%s/log/%s/%s" % (self.base, self.origin, path)
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read()

    def check_signature(self, keys):
        """`keys` are (above, key): the newest that signs a checkpoint of this size counts."""
        key = [key for above, key in keys if above < self.size][-1]
        signatures = self.note.by(self.origin, ED25519, key)
        need(signatures, "%s: its own signature is missing" % self.origin)
        for signature in signatures:
            need(holds(key, signature, self.note.text), "%s: bad signature" % self.origin)

    def check_cosignatures(self, witnesses):
        count = 0
        for name, key in witnesses:
            for signature in self.note.by(name, COSIGNATURE, key):
                (time,) = struct.unpack(">Q", signature[:8])
                message = b"cosignature/v1\ntime %d\n" % time + self.note.text
                need(holds(key, signature[8:], message), "%s: bad receipt by %s" % (self.origin, name))
                count += 1
        return count

    def entries(self):
        """All entries, each compared with its hash in the tiles of level 0."""
        found = []
        for index in range((self.size + WIDTH - 1) // WIDTH):
            width = min(WIDTH, self.size - index * WIDTH)
            bundle = self.fetch(tile_path("entries", index, width))
            hashes = self.fetch(tile_path(0, index, width))
            need(len(hashes) == 32 * width, "%s: a tile of another length" % self.origin)
            at = 0
            for place in range(width):
                (length,) = struct.unpack(">H", bundle[at : at + 2])
                entry, at = bundle[at + 2 : at + 2 + length], at + 2 + length
                leaf = hashes[32 * place : 32 * place + 32]
                need(sha256(b"\x00", entry) == leaf, "%s: entry %d is no leaf" % (self.origin, len(found)))
                found.append(entry)
            need(at == len(bundle), "%s: an entry bundle of another length" % self.origin)
        return found

    def check_tiles(self):
        """Each tile's hashes are the roots of the full tiles below it; all lead to the root."""
        level, below = 0, None
        count, parts = self.size, []
        while count > 0:
            full, rest = divmod(count, WIDTH)
            hashes = []
            for index in range(full + (rest > 0)):
                raw = self.fetch(tile_path(level, index, WIDTH if index < full else rest))
                hashes += [raw[at : at + 32] for at in range(0, len(raw), 32)]
            need(len(hashes) == count, "%s: level %d is not whole" % (self.origin, level))
            need(below is None or below == hashes, "%s: level %d does not follow" % (self.origin, level))
            below = [root_of(hashes[at : at + WIDTH]) for at in range(0, full * WIDTH, WIDTH)]
            if rest:
                parts.append(hashes[full * WIDTH :])
            count, level = full, level + 1
        # What is left at each level is the right edge of the tree: from the top down to the leaves.
        edge = None
        for rest in parts:
            tree = root_of_edge(rest)
            edge = tree if edge is None else tree + edge
        need(fold(edge) == self.root if edge else self.root == sha256(), "%s: another root" % self.origin)

    def check_inclusion(self, index, leaves):
        """RFC 6962 section 2.1.1: a path from the leaf to the root that was signed."""

        def path(start, end):
            if end - start == 1:
                return []
            split = start + (1 << (end - start - 1).bit_length() - 1)
            if index < split:
                return path(start, split) + [("right", root_of(leaves[split:end]))]
            return path(split, end) + [("left", root_of(leaves[start:split]))]

        value = leaves[index]
        for side, sibling in path(0, len(leaves)):
            value = node(value, sibling) if side == "right" else node(sibling, value)
        need(value == self.root, "%s: entry %d is not included" % (self.origin, index))


def root_of_edge(hashes):
    """The perfect subtrees that hashes of one level make, the largest first."""
    parts = []
    while hashes:
        width = 1 << len(hashes).bit_length() - 1
        parts.append(root_of(hashes[:width]))
        hashes = hashes[width:]
    return parts


def fold(parts):
    """The root over perfect subtrees from left to right, the largest first."""
    value = parts[-1]
    for left in reversed(parts[:-1]):
        value = node(left, value)
    return value


def members_of(network, entries):
    """Keys by site, from the coordinator's own entries: [(above, log key, witness key)]."""
    members = {}
    for raw in entries:
        entry, end = parse_cbor(raw)
        need(end == len(raw), "an entry with bytes after it")
        site = entry.get("site")
        if entry["type"] == "admit" and site not in members:
            members[site] = [(-1, entry["logKey"], entry["witnessKey"])]
        elif entry["type"] == "rotate" and site in members:
            _, log_key, witness_key = members[site][-1]
            if (log_key, witness_key) == (entry["oldLogKey"], entry["oldWitnessKey"]):
                members[site].append((entry["size"], entry["logKey"], entry["witnessKey"]))
    return members


def check(base, vkey):
    network, key = parse_vkey(vkey)
    own = Log(base, network)
    own.check_signature([(-1, key)])
    entries = own.entries()
    own.check_tiles()
    members = members_of(network, entries)
    need(members[network][0][1] == key, "the log does not begin with the coordinator's key")
    origin_of = lambda site: network if site == network else "%s/%s" % (network, site)
    witnesses = [
        (origin_of(site) + "/witness", witness_key)
        for site, keys in members.items()
        for _, _, witness_key in keys
    ]
    for site in sorted(members):
        try:
            log = own if site == network else Log(base, origin_of(site))
        except urllib.error.HTTPError as error:
            need(error.code == 404, "%s: answered %d" % (site, error.code))
            print("%s: no log yet" % site)
            continue
        log.check_signature([(above, log_key) for above, log_key, _ in members[site]])
        receipts = log.check_cosignatures(witnesses)
        if log is not own:
            entries = log.entries()
            log.check_tiles()
        leaves = [sha256(b"\x00", entry) for entry in (entries if log is not own else own.entries())]
        for index in {0, log.size // 2, log.size - 1} if log.size else ():
            log.check_inclusion(index, leaves)
        print("%s: size %d, %d receipts" % (log.origin, log.size, receipts))


if __name__ == "__main__":
    try:
        check(sys.argv[1].rstrip("/"), sys.argv[2])
    except (Refused, ValueError, KeyError, IndexError, struct.error, OSError) as reason:
        print("REFUSED: %s" % (reason or type(reason).__name__))
        sys.exit(1)
    print("OK: every log that is served has the root that was signed")
