"""`python -m bowerbird`, for launchers that start modules: `accelerate launch -m bowerbird graft STORE`."""

from bowerbird.cli.main import main

if __name__ == "__main__":
    main()
