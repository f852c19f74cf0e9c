"""What an administrator may change without a new version: declared, bounded, versioned, in force at the next request."""
