"""python -m flashmhf bench: our kernels beside others, in one run on one GPU.

`models` says what is computed, `schedules` which kernels of ours; `gpu` makes
operands and measures, `rounds` decides in which order; `peers` holds one module
for each opponent; `suite` puts a case together; `report` and `plot` write what
came out. Only `gpu`, `suite`, `few` and `peers` import torch.

The method. A card at its power limit is no stopwatch: an entry reads some per cent
slower right after one that draws more. So every entry runs a short while in each
of many rounds, each time in another order and equally often behind each of the others;
medians are reported, as ratios to a bf16 8192^3 cuBLAS product that runs in the same
rounds. Operands rotate over sets that together do not fit L2.

Calls that last microseconds are another matter: `methods` says which ways there are to
time those, and `few` does it.
"""
