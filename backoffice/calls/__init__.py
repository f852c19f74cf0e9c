"""The 0 810: one file a call, the caller's identity proved before anything of a person is shown, calls rung back."""
