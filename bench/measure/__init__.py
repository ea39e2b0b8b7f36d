"""The parts of candor's benchmark. Python's standard library only."""
