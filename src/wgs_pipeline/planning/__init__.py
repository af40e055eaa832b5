"""Equal access: who is sequenced when and where, and how fairly the waiting is shared."""
