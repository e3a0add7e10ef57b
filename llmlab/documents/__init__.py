"""Files as documents: decoded, parsed in a process of their own within limits, kept as text by its digest."""
