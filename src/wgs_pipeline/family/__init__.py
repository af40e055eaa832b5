"""Families: Mendelian errors, de novo variants, inheritance, homozygosity, uniparental disomy."""
