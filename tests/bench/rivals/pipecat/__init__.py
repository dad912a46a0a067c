"""pipecat with the weights of this project; see README.md beside this file.

`rival` and `setup` run with the bench. `server`, `services` and `parts` run in an environment of
their own, where pipecat is: nothing else may import them.
"""
