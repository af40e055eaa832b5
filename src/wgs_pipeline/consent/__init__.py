"""Consent: dated events, the register that holds them, purposes, and decisions."""
