"""The step of an optimizer in operations on blocks (see `blocks`)."""
