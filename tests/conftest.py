"""Settings for all tests: no test depends on how quick the machine is."""

from hypothesis import settings

settings.register_profile("bowerbird", deadline=None)
settings.load_profile("bowerbird")
