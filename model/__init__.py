"""The interaction model: what it is made of, what runs it, what trains it."""

import os

from model.instructions import leave_out_tiles

# onnxruntime (since 1.29) reports what it runs to its maker, and keeps an identifier of the machine
# on disk, unless this is set before it is first loaded. Nothing leaves this machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
leave_out_tiles(os.environ)
