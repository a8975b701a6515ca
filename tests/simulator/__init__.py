"""A cluster in simulated time: real judging, invented networks."""
