"""The bench of sections: docs/bench.md tells what it measures and how it is run."""
