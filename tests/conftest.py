"""One hypothesis profile for every test: no deadlines, fixed examples."""

from hypothesis import settings

settings.register_profile("qadapt", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("qadapt")
