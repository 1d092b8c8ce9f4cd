"""python -m flashmhf tune: the fastest schedule of each shape, found by measuring.

`candidates` says which schedules are worth compiling, `database` how findings are
kept, `tuner` what is done in which order, `measure` how on a GPU, `choices` what the
compiler itself takes and `report` how far that is from the best; `cli` is the command.
Only `measure` imports torch.

A shape is a model at some number of tokens. One kernel for any number of tokens is
compiled for each candidate, on all cores; all candidates of a shape run in the
shuffled rounds of `flashmhf.bench`, or by --method in those of `bench --method`, a few
rounds first and then more for those that are near the best. The result is the database
that flashmhf-assign-schedule reads.
"""
