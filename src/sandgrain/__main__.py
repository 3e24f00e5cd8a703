"""``python -m sandgrain``."""

from sandgrain.cli import main

if __name__ == "__main__":
    main()
