"""The story of Portcullis on a real control plane: ``make demo``."""
