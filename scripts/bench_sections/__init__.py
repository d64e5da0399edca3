"""The bench of sections: docs/appendix/bench.md tells what it measures and how it is run."""
