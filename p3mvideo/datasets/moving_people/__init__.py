"""Clips of moving people with exact alpha, made from portraits."""
