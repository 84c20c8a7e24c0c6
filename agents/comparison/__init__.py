"""Statistics on two scores of the same leads: shift, bands, capacity, movers, segments, quality.

Plain NumPy on columns of scores; where the leads and the scores come from does not matter.
"""
