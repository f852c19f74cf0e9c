"""Supervision: what a supervisor keeps short, gives to whom, and looks at afterwards; within their caisses."""
