"""`python -m p3mvideo` is the `p3mvideo` command."""

from p3mvideo.cli import main

if __name__ == "__main__":
    main()
