"""What is promised in figures, measured: medians of several runs, printed beside their goals."""
