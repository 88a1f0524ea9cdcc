"""The checks that `p3mvideo doctor` runs."""
