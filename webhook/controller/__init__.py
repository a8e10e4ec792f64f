"""Default deny for namespaces: the plan (pure), and those who carry it out."""
