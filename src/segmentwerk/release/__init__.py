"""From the winner to a registered version, and the gates before it becomes champion."""
