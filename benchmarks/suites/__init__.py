"""The benchmarks, one file per topic. Arrays are made in ``setup``; what is timed is only the operation."""
