"""Copy number from read depth: GC correction, segmentation, calls."""
