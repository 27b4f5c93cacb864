"""Toy figures that exist only as formulas, and their photographer."""
