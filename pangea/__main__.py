"""``python -m pangea`` and the command ``pangea``."""

from pangea.cli.main import main

if __name__ == "__main__":
    main()
