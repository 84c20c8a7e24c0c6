"""The verdict on two models that scored the same leads: shift, errors, and which one is better.

Plain NumPy on columns of scores; where the scores and the outcomes come from does not matter.
"""
