"""Secrets under another key: AES-256-GCM, so that a changed byte or another name is noticed."""

from __future__ import annotations

import hashlib
import secrets

from wgs_pipeline.errors import NgdError

KEY_BYTES = 32
_NONCE_BYTES = 12


class Wrapping:
    """Wraps and unwraps the secrets of a vault under its master key.

    What is wrapped is bound to a label (which secret it is), so that one row of a vault cannot be
    put in the place of another.
    """

    def __init__(self, master: bytes) -> None:
        """Take the master key, ``KEY_BYTES`` long; only a key derived from it is used."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(derived(master, b"vault secrets"))

    def wrap(self, label: str, secret: bytes) -> bytes:
        """Encrypt a secret: nonce, ciphertext, tag."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, label.encode("utf-8"))

    def unwrap(self, label: str, wrapped: bytes) -> bytes:
        """Decrypt a secret.

        Raises:
            NgdError: It was wrapped under another key or label, or changed.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(
                wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], label.encode("utf-8")
            )
        except (InvalidTag, ValueError):
            raise NgdError(
                f"the vault's secret {label!r} does not open with its master key; expected what "
                "was written. Restore the vault from a backup"
            ) from None


def derived(master: bytes, use: bytes, salt: bytes = b"") -> bytes:
    """The key for one use of a master key: keyed BLAKE2b, personalised by the use.

    Args:
        master: The master key.
        use: At most 16 bytes.
        salt: At most 16 bytes.
    """
    return hashlib.blake2b(key=master, person=use, salt=salt, digest_size=KEY_BYTES).digest()
