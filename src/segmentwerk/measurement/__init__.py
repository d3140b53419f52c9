"""What the measures brought: key figures by segment and arm, honest tests, and whom to treat how."""
