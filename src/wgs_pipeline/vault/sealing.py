"""Sealing: what anyone may write and only the vault may read (X25519 sealed boxes)."""

from __future__ import annotations

from collections.abc import Iterable

from wgs_pipeline.errors import NgdError


def seal(public_key: str, message: bytes) -> bytes:
    """Encrypt so that only the holder of the vault reads it (X25519 sealed box).

    Args:
        public_key: Key of the vault, hexadecimal.
        message: What to seal.
    """
    from nacl.public import PublicKey, SealedBox

    return bytes(SealedBox(PublicKey(bytes.fromhex(public_key))).encrypt(message))


def unseal(secret_keys: Iterable[bytes], sealed: bytes) -> bytes:
    """Open what was sealed to one of some key pairs.

    Args:
        secret_keys: Secret keys to try, 32 bytes each.
        sealed: What ``seal`` gave.

    Raises:
        NgdError: It was sealed to another key, or changed since.
    """
    from nacl.exceptions import CryptoError
    from nacl.public import PrivateKey, SealedBox

    for key in secret_keys:
        try:
            return bytes(SealedBox(PrivateKey(key)).decrypt(sealed))
        except CryptoError:
            continue
    raise NgdError("a sealed identity was made for another vault, or changed")


def public_key_of(secret_key: bytes) -> str:
    """The public key of a pair, hexadecimal."""
    from nacl.public import PrivateKey

    return bytes(PrivateKey(secret_key).public_key).hex()
