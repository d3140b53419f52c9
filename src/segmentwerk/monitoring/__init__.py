"""When the segments have aged: drift of the inputs and outputs, movement between segments, gates."""
