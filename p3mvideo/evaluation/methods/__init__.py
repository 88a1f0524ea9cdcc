"""Ways to get a matte from an image, behind one interface: our networks, exported and foreign graphs, trimap-based networks and solvers."""
