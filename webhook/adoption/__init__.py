"""What default deny would do to a namespace that was there before it. PURE."""
