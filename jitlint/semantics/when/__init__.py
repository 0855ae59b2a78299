"""When does a value change? Every draw in it carries the clocks over which it is fresh.

A *clock* ticks with each pass of a loop, each call of a function, or each epoch for the method that gives a sample.
A draw is fresh over the clocks around it, less what a restart of its generator takes away. On its way to a consumer
freshness is put in the terms of each scope that it passes: what a function drew is fresh over the loops around its
call; an element of a container is another one in each pass, but the same ones in every epoch; an index adds the
clocks that the index varies with; each element of a returned tuple is a value of its own.
"""

from jitlint.semantics.when.calls import read_inputs
from jitlint.semantics.when.variance import Variance, variance_of

__all__ = ["Variance", "read_inputs", "variance_of"]
