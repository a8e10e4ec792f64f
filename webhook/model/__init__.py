"""Values that the decisions speak of: parsed at the border, frozen after. PURE."""
