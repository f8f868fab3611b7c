"""The process beside a training, which meters it and concludes its audit."""
