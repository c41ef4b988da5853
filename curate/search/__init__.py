"""Which weights? Small runs over a design of mixtures, a surface fitted to them, a region of weights as the answer."""
