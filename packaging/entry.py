"""Where the frozen program begins."""

from pangea.__main__ import main

if __name__ == "__main__":
    main()
