"""polycritic: one critic, many tasks.

Feedback trains a critic; a critic is a judge; judges give scores; scores make decisions.
"""

__version__ = "0.1.0"
