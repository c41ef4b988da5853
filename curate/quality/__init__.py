"""Quality that is learned, and thresholds that are chosen afterwards."""
