"""Code in LLVM vector instructions: the tile of a product, sums, bins; arithmetic of subnormals."""
