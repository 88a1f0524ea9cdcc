"""What others publish and this program can use: where it is, under which terms, and how it comes onto this machine. Nothing is fetched unasked."""
