"""How accurate small networks are in a few time steps."""
