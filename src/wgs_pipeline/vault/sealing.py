"""Sealing: what anyone may write and only the vault may read (X25519 sealed boxes)."""

from __future__ import annotations


def seal(public_key: str, message: bytes) -> bytes:
    """Encrypt so that only the holder of the vault reads it (X25519 sealed box).

    Args:
        public_key: Key of the vault, hexadecimal.
        message: What to seal.
    """
    from nacl.public import PublicKey, SealedBox

    return bytes(SealedBox(PublicKey(bytes.fromhex(public_key))).encrypt(message))
